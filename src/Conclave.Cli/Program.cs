using Conclave.Cli;
using Conclave.Cli.Cluster;

return await CommandTree.RunAsync(args, new ClusterCommands(), Terminal.OfProcess());
