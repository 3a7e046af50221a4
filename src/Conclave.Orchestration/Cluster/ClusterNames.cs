namespace Conclave.Orchestration.Cluster;

/// <summary>Names that are taken.</summary>
public static class ClusterNames
{
    /// <summary>The built-in service whose instances are the gateways.</summary>
    public const string Gateway = "gateway";

    /// <summary>Set in the environment of everything that a cluster starts, to its data directory: <c>web/2</c> of another cluster is another process.</summary>
    public const string DirectoryVariable = "CONCLAVE_DATA";

    /// <summary>Set in the environment of every instance, to its id.</summary>
    public const string InstanceVariable = "CONCLAVE_INSTANCE";
}
