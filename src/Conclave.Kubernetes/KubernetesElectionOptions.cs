namespace Conclave.Kubernetes;

/// <summary>How one candidate stands in one election. Checked once, where the election is made.</summary>
public sealed record KubernetesElectionOptions
{
    /// <summary>
    /// What is published with the leadership, in an annotation of the Lease, e.g. the candidate's address. Default: <see cref="CandidateName.Default"/>.
    /// At most <see cref="KubernetesElection.ValueBytesMax"/> in UTF-8.
    /// </summary>
    public string Value { get; init; } = CandidateName.Default;

    /// <summary>
    /// What <c>kubectl get lease</c> shows as the holder, followed by an underscore and 32 digits made for each candidacy, as client-go's programs do. Default: <see cref="CandidateName.Default"/>.
    /// </summary>
    public string Identity { get; init; } = CandidateName.Default;

    /// <summary>
    /// The Lease. Default: the election's name with dots for slashes. To be set where the name is none that Kubernetes takes, or to stand in an election of another program.
    /// </summary>
    public string? LeaseName { get; init; }

    /// <summary>
    /// The TTL is the Lease's <c>leaseDurationSeconds</c>, so whole seconds. Default: client-go's figures as nearly as ours can say them, TTL 15 s, renewed about every 2 s, and <c>Lost</c> fires 5 s before
    /// anybody else can lead, so about 10 s after the last renewal that was answered.
    /// </summary>
    public LeaseOptions Lease { get; init; } = new() { Ttl = TimeSpan.FromSeconds(15), RenewalsPerTtl = 7, StopMargin = TimeSpan.FromSeconds(5) };

    /// <exception cref="ArgumentException">An option makes no sense; the message names it and the remedy.</exception>
    internal void Validate()
    {
        Require(Value is not null && System.Text.Encoding.UTF8.GetByteCount(Value) <= KubernetesElection.ValueBytesMax, nameof(Value), $"must have at most {KubernetesElection.ValueBytesMax} bytes");
        Require(Identity is { Length: > 0 and <= KubernetesElection.IdentityLengthMax }, nameof(Identity), $"must have 1 to {KubernetesElection.IdentityLengthMax} characters");
        Lease.Validate();
        Require(TtlProblem(Lease) is null, $"{nameof(Lease)}.{nameof(LeaseOptions.Ttl)}", TtlProblem(Lease) ?? "");
    }

    internal static string? TtlProblem(LeaseOptions lease) => lease.Ttl < TimeSpan.FromSeconds(1) || lease.Ttl.Ticks % TimeSpan.TicksPerSecond != 0
        ? $"is {lease.Ttl.TotalSeconds:0.###} s, but a Kubernetes Lease counts in whole seconds from 1 on: choose {Math.Max(1, Math.Ceiling(lease.Ttl.TotalSeconds)):0} s"
        : null;

    private static void Require(bool holds, string option, string problem)
    {
        if (!holds)
            throw new ArgumentException($"{nameof(KubernetesElectionOptions)}.{option} {problem}.", option);
    }
}
