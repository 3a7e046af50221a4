namespace Conclave.Peers;

/// <summary>
/// A group of instances that elect among themselves, and which of them this one is. In a host: <c>Conclave:Elections:NAME:Peers</c>. Checked once, at start; elections of one host with the same
/// <see cref="Directory"/> share one member, and must agree in everything else.
/// </summary>
public sealed class PeerGroupOptions
{
    /// <summary>The most members a group may have. Each is one more to agree; five survive two failures.</summary>
    public const int MembersMax = 9;

    /// <summary>Which of <see cref="Peers"/> this instance is. Required.</summary>
    public string Name { get; set; } = "";

    /// <summary>
    /// All members of the group, this one included, as <c>name=host:port</c>. Required, the same on all of them, and fixed: three survive the failure of one, five of two. An address may change
    /// while its member is stopped, if all members are restarted with it; a name may not.
    /// </summary>
    public IReadOnlyList<string> Peers { get; set; } = [];

    /// <summary>
    /// Where this member keeps its vote, its term and its log: a directory of its own on a disk that stays, made when it is not there. Required. A member whose directory was lost must not vote again.
    /// </summary>
    public string Directory { get; set; } = "";

    /// <summary>Names the group; its members talk only among themselves, and a directory of another group is refused. Default <c>peers</c>. The same on all members.</summary>
    public string Group { get; set; } = "peers";

    /// <summary>Where this member listens for the others, as <c>host:port</c>, when that is not its address in <see cref="Peers"/>, e.g. <c>0.0.0.0:7001</c> in a container. Default: that address.</summary>
    public string? Listen { get; set; }

    /// <summary>Between two signs of life of the group's coordinator. Default 100 ms.</summary>
    public TimeSpan HeartbeatInterval { get; set; } = TimeSpan.FromMilliseconds(100);

    /// <summary>How long a silent coordinator is waited for before another is chosen: once to twice this. Default 1 s; at least five heartbeats.</summary>
    public TimeSpan ElectionTimeout { get; set; } = TimeSpan.FromSeconds(1);

    /// <summary>
    /// How long leadership outlives its holder, and how early the holder gives it up. Default: a TTL of two election timeouts, renewed ten times within it, with a tenth to stop in. Longer: a leader more surely
    /// survives the failure of the coordinator; shorter: a dead leader is replaced sooner.
    /// </summary>
    public LeaseOptions? Lease { get; set; }

    /// <summary>
    /// Whether a member whose address refuses connections is taken for dead, so that its leaderships end at once and not after their lease: within some 100 ms of a crash. Default false, because
    /// then <c>Lost</c> may come after the next leader: something else than a crash can refuse connections (a firewall, a container that loses its network), and the holder lives on. The fencing token holds all
    /// the same. The same on all members. With or without, refused connections speed up the choice of a new coordinator, which is safe: a new coordinator waits every lease out.
    /// </summary>
    public bool FastPreVote { get; set; }

    /// <summary>
    /// Allows addresses beyond this host. Links between members are neither encrypted nor authenticated yet: whoever can reach the ports can decide every election. Default false.
    /// </summary>
    public bool Insecure { get; set; }

    /// <summary>How long <see cref="ILeaderElection.TryCampaignAsync"/> and <see cref="ILeaderElection.GetLeaderAsync"/> wait for a majority before they end as unknown. Default 5 s.</summary>
    public TimeSpan TryTimeout { get; set; } = TimeSpan.FromSeconds(5);

    /// <summary>How long a resignation is repeated while no majority answers, before it ends as unknown and the rest is left to the lease. Default 2 s.</summary>
    public TimeSpan WithdrawTimeout { get; set; } = TimeSpan.FromSeconds(2);

    /// <summary>Changes of history that are kept for members that were away, so that their observers miss nothing. Default 10,000; twice as many may be kept for a while.</summary>
    public int HistoryMax { get; set; } = 10_000;

    internal LeaseOptions LeaseOrDefault => Lease ?? new LeaseOptions { Ttl = 2 * ElectionTimeout, RenewalsPerTtl = 10, StopMargin = ElectionTimeout / 5 };
}
