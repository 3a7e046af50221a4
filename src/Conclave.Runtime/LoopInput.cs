using Conclave.Consensus;
using Conclave.Store;

namespace Conclave.Runtime;

/// <summary>What may come into a <see cref="ReplicaLoop"/> from other threads. A closed set.</summary>
internal abstract record LoopInput
{
    private LoopInput()
    {
    }

    /// <summary>A peer's message.</summary>
    public sealed record Received(PeerId From, PeerMessage Message) : LoopInput;

    /// <summary>A peer's address refuses.</summary>
    public sealed record Refused(PeerId Peer) : LoopInput;

    /// <summary>The stream to a peer is open.</summary>
    public sealed record Connected(PeerId Peer) : LoopInput;

    /// <summary>A command, perhaps bound to a term.</summary>
    public sealed record Propose(Command Command, Term? OnlyIn, TaskCompletionSource<ProposalOutcome> Done) : LoopInput;

    /// <summary>A look at the store, after confirmation or at once.</summary>
    public sealed record Read(PendingRead Pending, bool Linearizable) : LoopInput;

    /// <summary>A lease's renewal.</summary>
    public sealed record Renew(LeaseId Lease, TaskCompletionSource<RenewalOutcome> Done) : LoopInput;

    /// <summary>A turn is wanted, nothing else.</summary>
    public sealed record Wake : LoopInput
    {
        /// <summary>The only one.</summary>
        public static readonly Wake Instance = new();
    }
}

/// <summary>A caller's look at the store: runs on the loop, answers its caller elsewhere.</summary>
internal abstract class PendingRead
{
    /// <summary>Looks and answers.</summary>
    public abstract void Run(Applier applier);

    /// <summary>Answers that it may not look.</summary>
    public abstract void Refuse(Exception why);
}

/// <inheritdoc/>
internal sealed class PendingRead<T>(Func<Applier, T> read) : PendingRead
{
    // Callers go on elsewhere: their code must not hold up the loop.
    private readonly TaskCompletionSource<T> _done = new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>What was read.</summary>
#pragma warning disable VSTHRD003 // ends by the calls below
    public Task<T> Task => _done.Task;
#pragma warning restore VSTHRD003

    /// <inheritdoc/>
    public override void Run(Applier applier)
    {
        try
        {
            _done.TrySetResult(read(applier));
        }
        catch (Exception e) when (e is not InvariantBrokenException)
        {
            _done.TrySetException(e);
        }
    }

    /// <inheritdoc/>
    public override void Refuse(Exception why) => _done.TrySetException(why);
}
