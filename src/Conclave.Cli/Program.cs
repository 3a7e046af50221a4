using Conclave.Cli;
using Conclave.Cli.Cluster;
using Conclave.Orchestration.Processes;

switch (args)
{
    case ["node" or "serve", ..]:
        PoolSpinning.Never();
        break;
    case ["gateway", ..]:
        PoolSpinning.Briefly();
        break;
}

return await CommandTree.RunAsync(args, new ClusterCommands(), Terminal.OfProcess());
