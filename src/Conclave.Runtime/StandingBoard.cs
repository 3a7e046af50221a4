using System.Collections.Immutable;
using System.Runtime.CompilerServices;
using System.Threading.Channels;
using Conclave.Consensus;
using Conclave.Consensus.Raft;

namespace Conclave.Runtime;

/// <summary>Who leads, as one member sees it.</summary>
/// <param name="Role">This member's part.</param>
/// <param name="Term">Its term.</param>
/// <param name="Leader">Whom it follows; itself when it leads; null while nobody is known.</param>
/// <param name="Established">It leads and its store holds everything that earlier terms left: only from here on may it act as leader.</param>
/// <param name="Why">What led to it, for people.</param>
public sealed record MemberStanding(Role Role, Term Term, PeerId? Leader, bool Established, string Why);

/// <summary>Passes every change of standing on to whoever observes. Thread-safe.</summary>
internal sealed class StandingBoard
{
    private const int MaxUnread = 1_024;
    private readonly Lock _gate = new();
    private ImmutableList<Channel<MemberStanding>> _observers = [];
    private bool _closed;

    /// <summary>The newest.</summary>
    public MemberStanding Current { get; private set; } = new(Role.Follower, default, null, Established: false, "started");

    public void Post(MemberStanding standing)
    {
        lock (_gate)
        {
            Current = standing;
            foreach (var observer in _observers)
                observer.Writer.TryWrite(standing);
        }
    }

    public void Close()
    {
        lock (_gate)
        {
            _closed = true;
            foreach (var observer in _observers)
                observer.Writer.TryComplete();
            _observers = [];
        }
    }

    /// <summary>The current one, then each change in order. Of an observer that does not read, the oldest unread are forgotten. Ends with the member.</summary>
    public async IAsyncEnumerable<MemberStanding> ObserveAsync([EnumeratorCancellation] CancellationToken cancel)
    {
        var channel = Channel.CreateBounded<MemberStanding>(new BoundedChannelOptions(MaxUnread) { FullMode = BoundedChannelFullMode.DropOldest, SingleReader = true });
        lock (_gate)
        {
            channel.Writer.TryWrite(Current);
            if (_closed)
                channel.Writer.TryComplete();
            else
                _observers = _observers.Add(channel);
        }

        try
        {
            await foreach (var standing in channel.Reader.ReadAllAsync(cancel).ConfigureAwait(false))
                yield return standing;
        }
        finally
        {
            lock (_gate)
                _observers = _observers.Remove(channel);
        }
    }
}
