using System.Diagnostics;
using System.Security.Cryptography;
using Conclave.Consensus;
using Conclave.Consensus.Raft;
using Conclave.Runtime.Disk;
using Conclave.Runtime.Peers;
using Conclave.Store;
using Conclave.Wire.Peers;

namespace Conclave.Runtime;

/// <summary>Nobody could confirm who leads in time, so the store may not be read linearizably now. Nothing happened; ask again, or another member.</summary>
public sealed class ReadNotConfirmedException() : Exception("No quorum confirmed the leader in time.");

/// <summary>
/// One member of the cluster in this process: disk, loop, store and the streams to its peers. Everything else reaches the replicated state through
/// it. Thread-safe.
/// </summary>
public sealed class LocalMember : IAsyncDisposable
{
    private readonly LocalMemberOptions _options;
    private readonly FileDisk _disk;
    private readonly Replica _replica;
    private readonly ReplicaLoop _loop;
    private readonly KnownDirectories _directories;
    private readonly PeerListener _listener;
    private readonly IReadOnlyDictionary<PeerId, PeerLink> _links;
    private readonly CancellationTokenSource _stop = new();

    private LocalMember(LocalMemberOptions options, FileDisk disk, Replica replica, ReplicaLoop loop, KnownDirectories directories, PeerListener listener, IReadOnlyDictionary<PeerId, PeerLink> links)
    {
        _options = options;
        _disk = disk;
        _replica = replica;
        _loop = loop;
        _directories = directories;
        _listener = listener;
        _links = links;
        Completion = RunAsync();
    }

    /// <summary>This member.</summary>
    public PeerId Id => _options.Id;

    /// <summary>The cluster.</summary>
    public ClusterId Cluster => _options.Cluster;

    /// <summary>Everyone who votes.</summary>
    public IReadOnlyList<MemberAddress> Members => _options.Members;

    /// <summary>How it stood at the end of the last turn.</summary>
    public ReplicaStatus Status => _loop.Status;

    /// <summary>Who leads, as this member saw it last.</summary>
    public MemberStanding Standing => _loop.Board.Current;

    /// <summary>
    /// Ends when the member does. It faults when the member can no longer be trusted (<see cref="DiskFailedException"/>, <see cref="DirectoryReplacedException"/>, a broken invariant): then the process must
    /// end with an error; nothing is answered any more, and what was not answered is unknown.
    /// </summary>
    public Task Completion { get; }

    /// <summary>
    /// Starts from what the data directory holds, or begins a new member in an empty one. Returns once it listens; there need not be a leader yet.
    /// </summary>
    /// <exception cref="DirectoryInUseException">Another process holds the data directory.</exception>
    /// <exception cref="ForeignDirectoryException">It belongs to another cluster or member, or to a newer version.</exception>
    /// <exception cref="DamagedFileException">It was changed behind our back.</exception>
    /// <exception cref="DiskFailedException">The disk refused.</exception>
    /// <exception cref="System.Net.Sockets.SocketException">A listen address is in use.</exception>
    public static async Task<LocalMember> StartAsync(LocalMemberOptions options, CancellationToken cancel = default)
    {
        var self = options.Members.FirstOrDefault(m => m.Id == options.Id) ?? throw new ArgumentException($"Member {options.Id} is not among the members.", nameof(options));
        var replicaOptions = ReplicaOptionsOf(options);
        var disk = FileDisk.Acquire(options.DataDirectory);
        Replica? replica = null;
        PeerListener? listener = null;
        try
        {
            // The upper bits are the time of the start, so that no number comes twice in any life of this member.
            var firstRequest = (ulong)DateTimeOffset.UtcNow.ToUnixTimeMilliseconds() << 22;
            var loop = new ReplicaLoop(new LoopOptions(options.Id, replicaOptions.TickDuration, firstRequest, options.MaxQueuedInputs, options.HeartbeatInterval, options.OnPeerRefused), options.Logger);
            KnownDirectories.RequireLog(disk);
            replica = Replica.Open(replicaOptions, disk, loop, new Random(RandomNumberGenerator.GetInt32(int.MaxValue)));
            var peers = options.Members.Where(m => m.Id != options.Id).ToArray();
            var directories = KnownDirectories.Open(disk, options.Id, peers.Select(p => p.Id));
            listener = new PeerListener(options.Cluster.Value, options.Id, peers.Select(p => p.Id), directories, loop, options.Logger);
            await listener.BindAsync((options.ListenPeerUrls ?? self.PeerUrls).Select(PeerAddress.Parse), cancel).ConfigureAwait(false);
            var links = peers.ToDictionary(p => p.Id, p => new PeerLink(
                new PeerHello(PeerHello.CurrentVersion, options.Cluster.Value, options.Id.Value, p.Id.Value, directories.Own, []),
                directories, p.PeerUrls.Select(PeerAddress.Parse), options.MaxQueuedPeerBytes, loop, options.Logger));
            loop.Attach(replica, links);
            var status = replica.Status;
            Log.Started(options.Logger, options.Id, disk.Root, status.Term, status.Snapshot, status.Last);
            return new LocalMember(options, disk, replica, loop, directories, listener, links);
        }
        catch
        {
            listener?.Dispose();
            replica?.Dispose();
            disk.Dispose();
            throw;
        }
    }

    /// <summary>
    /// Proposes a command from any member and waits for its end, which is a value: refusals and unknown outcomes are part of the protocol. While nobody
    /// leads it waits, up to the request timeout. Cancelling stops the waiting, not the command.
    /// </summary>
    public Task<ProposalOutcome> ProposeAsync(Command command, CancellationToken cancel = default) => ProposeAsync(command, null, cancel);

    /// <summary>
    /// Proposes a command only as leader of <paramref name="term"/>; otherwise <see cref="ProposalOutcome.NotLeader"/> at once. It can never come into the log in
    /// another term.
    /// </summary>
    public Task<ProposalOutcome> ProposeInTermAsync(Command command, Term term, CancellationToken cancel = default) => ProposeAsync(command, term, cancel);

    /// <summary>
    /// Looks at the store. <paramref name="linearizable"/>: only once a quorum has confirmed, later than this call, who leads, and everything committed by then is applied here;
    /// otherwise at once, at what this member has. <paramref name="read"/> runs on the loop: it must be short, must not block, and must not keep
    /// what it was given. Watches are opened the same way.
    /// </summary>
    /// <exception cref="ReadNotConfirmedException">No quorum in time.</exception>
    public Task<T> ReadAsync<T>(bool linearizable, Func<Applier, T> read, CancellationToken cancel = default)
    {
        var pending = new PendingRead<T>(read);
        if (!_loop.TryPost(new LoopInput.Read(pending, linearizable)))
            pending.Refuse(new ReadNotConfirmedException());
        return pending.Task.WaitAsync(cancel);
    }

    /// <summary>Gives a lease its full TTL again, through the leader, whom a quorum confirms first.</summary>
    public Task<RenewalOutcome> RenewLeaseAsync(LeaseId lease, CancellationToken cancel = default)
    {
        var done = new TaskCompletionSource<RenewalOutcome>(TaskCreationOptions.RunContinuationsAsynchronously);
        if (!_loop.TryPost(new LoopInput.Renew(lease, done)))
            done.TrySetResult(new RenewalOutcome.Unknown());
        return done.Task.WaitAsync(cancel);
    }

    /// <summary>The current standing, then every change, in order. Ends when the member does.</summary>
    public IAsyncEnumerable<MemberStanding> ObserveStandingAsync(CancellationToken cancel = default) => _loop.Board.ObserveAsync(cancel);

    /// <summary>Asks for a turn: a watch sink that was full has room again.</summary>
    public void Wake() => _loop.TryPost(LoopInput.Wake.Instance);

    /// <summary>Stops. What was acknowledged is on disk already, so there is nothing to save.</summary>
    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync().ConfigureAwait(false);
#pragma warning disable VSTHRD003 // begun by the constructor of this very object
        await Completion.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
#pragma warning restore VSTHRD003
        _stop.Dispose();
    }

    private Task<ProposalOutcome> ProposeAsync(Command command, Term? onlyIn, CancellationToken cancel)
    {
        // Callers go on elsewhere: their code must not hold up the loop.
        var done = new TaskCompletionSource<ProposalOutcome>(TaskCreationOptions.RunContinuationsAsynchronously);
        if (!_loop.TryPost(new LoopInput.Propose(command, onlyIn, done)))
            done.TrySetResult(_stop.IsCancellationRequested || Completion.IsCompleted ? new ProposalOutcome.NotLeader(null) : new ProposalOutcome.Busy());
        return done.Task.WaitAsync(cancel);
    }

    /// <summary>Whatever ends first ends the rest; the loop goes first, so that it never speaks to what is gone.</summary>
    private async Task RunAsync()
    {
        var loop = _loop.RunAsync(_stop.Token);
        List<Task> tasks = [loop, _listener.RunAsync(_stop.Token), PublishAsync(_stop.Token), .. _links.Values.Select(l => l.RunAsync(_stop.Token))];
        try
        {
            List<Task> essential = [.. tasks.Where(t => t != tasks[2]), _directories.Ended];
            await await Task.WhenAny(essential).ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (_stop.IsCancellationRequested)
        {
            // Asked to stop.
        }
        finally
        {
            await _stop.CancelAsync().ConfigureAwait(false);
            _listener.Dispose();
            await Task.WhenAll(tasks).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            _replica.Dispose();
            _disk.Dispose();
        }

        await loop.ConfigureAwait(false); // its failure is the one that counts
    }

    /// <summary>Tells the others this member's name and where clients reach it, unless they know.</summary>
    private async Task PublishAsync(CancellationToken cancel)
    {
        if (_options.ClientUrls.Count == 0)
            return;
        var self = _options.Members.First(m => m.Id == Id);
        var publish = new Command.PublishMember(Id, self.Name, self.PeerUrls, _options.ClientUrls);
        while (true)
        {
            try
            {
                if (await ReadAsync(linearizable: true, IsPublished, cancel).ConfigureAwait(false))
                    return;
                await ProposeAsync(publish, cancel).ConfigureAwait(false);
            }
            catch (ReadNotConfirmedException)
            {
                await Task.Delay(_options.HeartbeatInterval, cancel).ConfigureAwait(false);
            }
        }

        bool IsPublished(Applier applier) => applier.Members.TryGetValue(Id, out var known)
            && known.Name == publish.Name && known.PeerUrls.SequenceEqual(publish.PeerUrls, StringComparer.Ordinal) && known.ClientUrls.SequenceEqual(publish.ClientUrls, StringComparer.Ordinal);
    }

    private static ReplicaOptions ReplicaOptionsOf(LocalMemberOptions options)
    {
        if (options.HeartbeatInterval < TimeSpan.FromMilliseconds(2))
            throw new ArgumentException($"The heartbeat interval is {options.HeartbeatInterval}; it must be 2 ms or more.", nameof(options));
        if (options.ElectionTimeout < 5 * options.HeartbeatInterval)
            throw new ArgumentException($"The election timeout ({options.ElectionTimeout}) must be at least five heartbeats ({options.HeartbeatInterval} each).", nameof(options));
        const int TicksPerHeartbeat = 2;
        var tick = options.HeartbeatInterval / TicksPerHeartbeat;
        var requests = options.RequestTimeout ?? TimeSpan.FromSeconds(5) + (2 * options.ElectionTimeout);
        var defaults = new ReplicaOptions
        {
            Raft = new RaftOptions { Id = options.Id, HeartbeatTicks = TicksPerHeartbeat, ElectionTicks = Ticks(options.ElectionTimeout, tick), FirstElectionTicks = TicksPerHeartbeat + 1 },
            Cluster = options.Cluster,
            InitialMembership = new Membership(options.Members.Select(m => m.Id)),
        };
        return options.Configure(defaults with { TickDuration = tick, RequestTicks = Ticks(requests, tick) });
    }

    private static int Ticks(TimeSpan duration, TimeSpan tick) => Math.Max(1, (int)Math.Ceiling(duration / tick));
}
