namespace Conclave.Etcd;

/// <summary>How one candidate stands in one election. Checked once, where the election is made.</summary>
public sealed record EtcdElectionOptions
{
    /// <summary>
    /// What is published with the leadership and read by observers in any language, e.g. the candidate's address. Default: <see cref="CandidateName.Default"/>.
    /// </summary>
    public string Value { get; init; } = CandidateName.Default;
}
