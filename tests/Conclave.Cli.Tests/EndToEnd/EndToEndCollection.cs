namespace Conclave.Cli.Tests.EndToEnd;

/// <summary>Real processes on real ports: these tests run one after the other, and nothing else of this assembly beside them.</summary>
[CollectionDefinition(Name, DisableParallelization = true)]
public sealed class EndToEndCollection : ICollectionFixture<SharedCluster>
{
    public const string Name = "End to end";
}
