using Conclave.Cli;
using Conclave.Cli.Cluster;
using Conclave.Orchestration.Gateway;

// Nodes are woken by heartbeats many times a second and have next to nothing to do each time: a pool thread that spins in the hope of more work
// costs more than the work (measured on an idle node: 2.2 % of a core with spinning, 1.3 % without). Under load the core that spins is somebody else's: three members of
// `serve` on two cores need 30 % less processor time for each put without it, and answer more of them (bench/put).
if (args is ["gateway", ..])
    GatewayRuntime.Prepare();
else if (args is ["node" or "serve", ..])
    AppContext.SetData("System.Threading.ThreadPool.UnfairSemaphoreSpinLimit", "0");

return await CommandTree.RunAsync(args, new ClusterCommands(), Terminal.OfProcess());
