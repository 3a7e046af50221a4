namespace Conclave.Runtime;
