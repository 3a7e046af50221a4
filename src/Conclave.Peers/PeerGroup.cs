using Conclave.Consensus;
using Conclave.Consensus.Raft;
using Conclave.Runtime;
using Conclave.Store;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;

namespace Conclave.Peers;

/// <summary>
/// This instance as a member of a group of instances that elect among themselves, without any other store: a Raft log between them holds who stands in which election. Any number of elections share
/// one member and one lease. Thread-safe.
/// </summary>
public sealed class PeerGroup : IAsyncDisposable, ILeaseKeeper
{
    private const int LeaseUnitsPerSecond = 1_000;

    private readonly PeerAddressBook _book;
    private readonly ILogger _log;
    private readonly ElectionBoard _board = new();
    private readonly RefusedMembers _refused;
    private readonly Lock _gate = new();
    private readonly Dictionary<LeaseOptions, PeerSession> _sessions = [];
    private readonly SemaphoreSlim _ending = new(1, 1);
    private readonly CancellationTokenSource _stopping = new();
    private readonly TaskCompletionSource<LocalMember> _member = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private bool _formerLifeEnded;
    private LocalMember? _local;
    private Task? _disposing;
    private Task _work = Task.CompletedTask;

    /// <summary>Does nothing until <see cref="OpenAsync"/>.</summary>
    internal PeerGroup(PeerGroupOptions options, ILoggerFactory? loggers)
    {
        Options = options;
        _log = (loggers ?? NullLoggerFactory.Instance).CreateLogger("Conclave.Peers");
        if (PeerGroupRules.Problems(options).FirstOrDefault() is { } problem)
            throw new ArgumentException($"{nameof(PeerGroupOptions)}.{problem}.", nameof(options));
        _book = new PeerAddressBook(options);
        _refused = new RefusedMembers(_book, options.Group, _log);
    }

    /// <summary>Ends when this member does, by disposal or because it can no longer take part (its disk failed, its directory was replaced); then it faults.</summary>
    public Task Completion { get; private set; } = Task.CompletedTask;

    /// <summary>
    /// The member that coordinates the group now, as far as this one knows: its Raft leader, which counts the leases and need not lead any election. Null: none is known, so nobody can be elected.
    /// </summary>
    public string? Coordinator => Volatile.Read(ref _local)?.Standing.Leader is { } leader ? _book.NameOf(leader) : null;

    internal PeerGroupOptions Options { get; }

    internal static TimeProvider Time => BootTime.Provider;

    internal static RetryBackoff NewBackoff() => new(TimeSpan.FromMilliseconds(10), TimeSpan.FromMilliseconds(500), Time);

    private LocalMember Member => Volatile.Read(ref _local) ?? throw new InvalidOperationException("The group is not started.");

    /// <summary>Joins the group and returns when this member listens; the others need not be there yet, and a majority of them decides when anybody is elected.</summary>
    /// <exception cref="ArgumentException">An option is missing or contradicts another; the message names it and the remedy.</exception>
    /// <exception cref="ElectionException">The port is in use, the directory is another member's or is damaged; the message names the remedy.</exception>
    public static async Task<PeerGroup> StartAsync(PeerGroupOptions options, ILoggerFactory? loggers = null, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(options);
        var group = new PeerGroup(options, loggers);
        await group.OpenAsync(cancellation).ConfigureAwait(false);
        return group;
    }

    /// <summary>A candidate of this instance. Each call makes another, which stands on its own. Dispose it, or the group, to withdraw.</summary>
    /// <param name="name">What the candidates compete for.</param>
    /// <param name="value">What is published with the leadership. Default: <see cref="PeerGroupOptions.Name"/>.</param>
    public PeerElection Election(string name, string? value = null) => Election(name, value ?? Options.Name, Options.LeaseOrDefault);

    /// <summary>Gives up what this instance holds, so that others follow at once, and leaves the group until it is started again.</summary>
    public ValueTask DisposeAsync()
    {
        lock (_gate)
            return new ValueTask(_disposing ??= CloseAsync());
    }

    internal PeerElection Election(string name, string value, LeaseOptions lease)
    {
        lock (_gate)
        {
            ObjectDisposedException.ThrowIf(_disposing is not null, this);
            if (!_sessions.TryGetValue(lease, out var session))
                _sessions.Add(lease, session = new PeerSession(this, lease));
            return new PeerElection(this, session, _board, name, value);
        }
    }

    internal async Task OpenAsync(CancellationToken cancellation)
    {
        var member = await StartMemberAsync(cancellation).ConfigureAwait(false);
        Volatile.Write(ref _local, member);
        Completion = member.Completion;
        _board.Lost = () => _ = member.ReadAsync(linearizable: false, OpenBoard, _stopping.Token);
        await member.ReadAsync(linearizable: false, OpenBoard, cancellation).ConfigureAwait(false);
        _work = Task.WhenAll(
            Options.FastPreVote ? _refused.RunAsync(member, _stopping.Token) : Task.CompletedTask,
            new HistoryKeeper(Options.Group, Options.HistoryMax, Time, _log).RunAsync(member, _stopping.Token));
        _member.SetResult(member);
        Log.Started(_log, Options.Group, Options.Name, _book.Self.ToString(), Options.Listen ?? _book.AddressOf(_book.Self), string.Join(", ", Options.Peers));
        if (PeerGroupRules.Doubt(Options) is { } doubt)
            Log.Doubtful(_log, Options.Group, doubt);

        bool OpenBoard(Applier applier)
        {
            _board.Open(applier);
            return true;
        }
    }

    /// <summary>Has a command decided and applied. It waits while nobody coordinates, within bounds.</summary>
    /// <exception cref="NoAnswerException">It was not, or nobody can tell.</exception>
    /// <exception cref="ElectionException">This member has ended.</exception>
    internal async Task<CommandResult> RunAsync(Command command, CancellationToken cancellation)
    {
        var member = await EnterAsync(cancellation).ConfigureAwait(false);
        return await member.ProposeAsync(command, cancellation).ConfigureAwait(false) switch
        {
            ProposalOutcome.Applied applied => applied.Result,
            _ => throw new NoAnswerException(Silence),
        };
    }

    Task<CommandResult> ILeaseKeeper.RunAsync(Command command, CancellationToken cancellation) => RunAsync(command, cancellation);

    async Task<RenewalOutcome> ILeaseKeeper.RenewAsync(LeaseId lease, CancellationToken cancellation) =>
        Member.Completion.IsCompleted ? new RenewalOutcome.Unknown() : await Member.RenewLeaseAsync(lease, cancellation).ConfigureAwait(false);

    /// <summary>Looks once a majority has confirmed that nothing newer is missing here.</summary>
    /// <exception cref="NoAnswerException">No majority in time.</exception>
    /// <exception cref="ElectionException">This member has ended.</exception>
    internal async Task<T> ReadAsync<T>(Func<Applier, T> read, CancellationToken cancellation)
    {
        var member = await EnterAsync(cancellation).ConfigureAwait(false);
        try
        {
            return await member.ReadAsync(linearizable: true, read, cancellation).ConfigureAwait(false);
        }
        catch (ReadNotConfirmedException silence)
        {
            throw new NoAnswerException(silence.Message);
        }
    }

    internal async Task<PeerLease> GrantLeaseAsync(LeaseOptions lease, CancellationToken cancellation)
    {
        await EndFormerLifeAsync(cancellation).ConfigureAwait(false);
        return await PeerLease.GrantAsync(this, LeaseIds.New(_book.PositionOf(_book.Self)), lease, Time, cancellation).ConfigureAwait(false);
    }

    /// <summary>Why nobody answers, for people.</summary>
    internal string Silence => Coordinator is { } name
        ? $"{name} coordinates the group and does not answer"
        : $"no majority of the {Options.Peers.Count} members ({string.Join(", ", Options.Peers)}) is reachable";

    /// <summary>
    /// A process that died left its lease behind. Only one process holds the directory at a time, so what stands under an older lease of this member belongs to nobody, and nobody need wait for its end.
    /// </summary>
    private async Task EndFormerLifeAsync(CancellationToken cancellation)
    {
        if (Volatile.Read(ref _formerLifeEnded))
            return;
        await _ending.WaitAsync(cancellation).ConfigureAwait(false);
        try
        {
            if (_formerLifeEnded)
                return;
            var own = _book.PositionOf(_book.Self);
            var left = await ReadAsync(applier => applier.Leases.Ids.Where(lease => LeaseIds.PositionOf(lease) == own).ToArray(), cancellation).ConfigureAwait(false);
            foreach (var lease in left)
                await RunAsync(new Command.RevokeLease(lease), cancellation).ConfigureAwait(false);
            Volatile.Write(ref _formerLifeEnded, true);
        }
        finally
        {
            _ending.Release();
        }
    }

    private async Task<LocalMember> EnterAsync(CancellationToken cancellation)
    {
#pragma warning disable VSTHRD003 // set by OpenAsync
        var member = await _member.Task.WaitAsync(cancellation).ConfigureAwait(false);
#pragma warning restore VSTHRD003
        if (!member.Completion.IsCompleted)
            return member;
        var why = member.Completion.Exception?.GetBaseException();
        throw new ElectionException($"Member {Options.Name} of group {Options.Group} has ended: {why?.Message ?? "it was stopped."}", why);
    }

    private async Task<LocalMember> StartMemberAsync(CancellationToken cancellation)
    {
        try
        {
            return await LocalMember.StartAsync(MemberOptions(), cancellation).ConfigureAwait(false);
        }
        catch (Exception fault) when (GroupFault.IsKnownAtStart(fault))
        {
            throw GroupFault.AtStart(Options, fault);
        }
    }

    private async Task CloseAsync()
    {
        PeerSession[] sessions;
        lock (_gate)
            sessions = [.. _sessions.Values];
        await Task.WhenAll(sessions.Select(session => session.DisposeAsync().AsTask())).ConfigureAwait(false);
        await _stopping.CancelAsync().ConfigureAwait(false);
        await _work.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        if (Volatile.Read(ref _local) is { } member)
            await member.DisposeAsync().ConfigureAwait(false);
        else
            _member.TrySetException(new ElectionException($"Group {Options.Group} was never started."));
        _stopping.Dispose();
    }

    private LocalMemberOptions MemberOptions() => new()
    {
        Id = _book.Self,
        Cluster = _book.Cluster,
        Members = _book.Members,
        DataDirectory = Options.Directory,
        ListenPeerUrls = Options.Listen is { } listen && PeerEntry.TryParseAddress(listen) is var (host, port) ? [PeerEntry.UrlOf(host, port)] : null,
        HeartbeatInterval = Options.HeartbeatInterval,
        ElectionTimeout = Options.ElectionTimeout,
        RequestTimeout = 3 * Options.ElectionTimeout,
        Logger = _log,
        OnPeerRefused = Options.FastPreVote ? _refused.Refuse : null,

        // Raft's own fast pre-vote needs no option: it shortens the time without a coordinator, and a new one waits every lease out, however it came to office.
        // A log of candidacies is small, and so are its files.
        Configure = replica => replica with
        {
            LeaseUnitsPerSecond = LeaseUnitsPerSecond,
            AskAgainTicks = 2 * replica.Raft.HeartbeatTicks,
            Wal = replica.Wal with { SegmentBytes = 8 << 20, AllocateBytes = 1 << 20 },
            SnapshotLogBytes = 16 << 20,
        },
    };
}
