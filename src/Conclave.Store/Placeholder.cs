namespace Conclave.Store;
