namespace Conclave.ZooKeeper;

/// <summary>How one candidate stands in one election. Checked once, where the election is made.</summary>
public sealed record ZooKeeperElectionOptions
{
    /// <summary>
    /// What is published in the candidate's node and read by observers in any language, e.g. the candidate's address. Default: <see cref="CandidateName.Default"/>.
    /// At most <see cref="ZooKeeperElection.ValueBytesMax"/> in UTF-8.
    /// </summary>
    public string Value { get; init; } = CandidateName.Default;

    /// <summary>How candidates' nodes are called. Default: as kazoo's.</summary>
    public ZooKeeperNodeNames NodeNames { get; init; } = ZooKeeperNodeNames.Kazoo;
}
