namespace Conclave.Orchestration;
