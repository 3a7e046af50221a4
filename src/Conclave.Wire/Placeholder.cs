namespace Conclave.Wire;
