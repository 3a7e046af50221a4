namespace Conclave.Simulation;
