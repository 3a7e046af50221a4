namespace Conclave.ZooKeeper;

/// <summary>
/// Where ZooKeeper is, for an election in a host. Named options, the name being the election's; in the configuration <c>Conclave:Elections:NAME:ZooKeeper</c>. Read once and checked when
/// the host starts. Elections with equal settings and equal leases share one connection and one session.
/// </summary>
/// <remarks>
/// Of <see cref="LeaderElectionOptions.Lease"/> the <see cref="LeaseOptions.Ttl"/> is the session's timeout and <see cref="LeaseOptions.ClockRateMargin"/> counts. A session is renewed every third
/// and relied upon for two, so <see cref="LeaseOptions.RenewalsPerTtl"/> has no say and <see cref="LeaseOptions.StopMargin"/> must not be more than a third of the TTL.
/// </remarks>
public sealed class ZooKeeperBackendOptions
{
    /// <summary>The servers of the ensemble, one per element: <c>host:port</c>; without a port, 2181.</summary>
    public IReadOnlyList<string> Servers { get; set; } = [];

    /// <summary>How long a server may be silent before another is tried. Default: a sixth of the session's timeout. At most a third.</summary>
    public TimeSpan? AnswerTimeout { get; set; }

    /// <summary><c>name:password</c> for ZooKeeper's <c>digest</c> scheme; all candidates of an election need the same. Default none.</summary>
    public string? Credentials { get; set; }

    /// <summary>How candidates' nodes are called, and so with whose recipe the election is shared. Default: as kazoo's.</summary>
    public ZooKeeperNodeNames NodeNames { get; set; } = ZooKeeperNodeNames.Kazoo;

    /// <summary>How long a resignation is waited for while no answer comes, before it ends as unknown. Default 2 s.</summary>
    public TimeSpan WithdrawTimeout { get; set; } = TimeSpan.FromSeconds(2);

    /// <summary>How long <see cref="ILeaderElection.TryCampaignAsync"/> and <see cref="ILeaderElection.GetLeaderAsync"/> wait for silent servers before they end as unavailable. Default 5 s.</summary>
    public TimeSpan TryTimeout { get; set; } = TimeSpan.FromSeconds(5);

    internal ZooKeeperClientOptions ToClient(LeaseOptions lease) => new()
    {
        Servers = Servers,
        SessionTimeout = lease.Ttl,
        ClockRateMargin = lease.ClockRateMargin,
        AnswerTimeout = AnswerTimeout,
        Credentials = Credentials,
        WithdrawTimeout = WithdrawTimeout,
        TryTimeout = TryTimeout,
    };
}
