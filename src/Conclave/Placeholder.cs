namespace Conclave;
