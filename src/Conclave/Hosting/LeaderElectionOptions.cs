namespace Conclave;

/// <summary>
/// How one candidate of one election behaves in a host. Named options, the name being the election's; read once and checked when the host starts.
/// Each can be set in code (<see cref="LeaderElectionBuilder.Configure"/>) or in the configuration at <c>Conclave:Elections:NAME</c>, where code wins.
/// </summary>
public sealed class LeaderElectionOptions
{
    /// <summary>
    /// What is published with the leadership and read by observers in any language, e.g. the address at which this instance can be reached.
    /// Default: <see cref="CandidateName.Default"/> (<c>POD_NAME</c>, else host name and process).
    /// </summary>
    public string Value { get; set; } = CandidateName.Default;

    /// <summary>
    /// How long leadership outlives a dead holder, and how early a holder gives it up. Backends without a lease ignore it. In the configuration: <c>Lease:Ttl</c> and so on.
    /// Elections with equal leases on equal endpoints share one.
    /// </summary>
    public LeaseOptions Lease { get; set; } = new();

    /// <summary>
    /// How often the backend is asked for a sign of life while the host starts, before the start fails with one clear error. Default 10, at most 1,000;
    /// 0: start without asking, and campaign whenever the backend comes.
    /// </summary>
    public int ConnectAttempts { get; set; } = 10;

    /// <summary>The pause after the first attempt to connect; it doubles up to <see cref="ConnectDelayMax"/>, with jitter. Default 250 ms.</summary>
    public TimeSpan ConnectDelayMin { get; set; } = TimeSpan.FromMilliseconds(250);

    /// <summary>The longest pause between attempts to connect. Default 5 s.</summary>
    public TimeSpan ConnectDelayMax { get; set; } = TimeSpan.FromSeconds(5);

    /// <summary>
    /// How long an instance whose leader service failed stays out of the election; doubles with each failure in a row up to <see cref="RestartDelayMax"/>, with jitter.
    /// Default 1 s.
    /// </summary>
    public TimeSpan RestartDelayMin { get; set; } = TimeSpan.FromSeconds(1);

    /// <summary>The longest such pause, and how long a leadership must have lasted for its failure to count as the first. Default 1 min.</summary>
    public TimeSpan RestartDelayMax { get; set; } = TimeSpan.FromMinutes(1);

    /// <summary>
    /// What <c>StopAsync</c> of a leader hosted service gets before its token is cancelled, and how often services that are still at work after the leadership ended
    /// are complained about. They are waited for all the same: two instances of one service never run in one process. Default 30 s.
    /// </summary>
    public TimeSpan StopTimeout { get; set; } = TimeSpan.FromSeconds(30);

    /// <summary>How often a health-gated instance is examined, and the longest an examination may take before it counts as failed. Default 5 s.</summary>
    public TimeSpan HealthInterval { get; set; } = TimeSpan.FromSeconds(5);

    /// <summary>
    /// Whether this instance observes who leads, for the metrics of time without a leader. Costs the backend one watch. Default true.
    /// </summary>
    public bool WatchLeader { get; set; } = true;

    internal Func<ElectionBackendContext, ILeaderElection>? Backend { get; set; }

    internal Func<IServiceProvider, CancellationToken, Task<bool>>? Fitness { get; set; }
}
