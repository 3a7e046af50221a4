using Conclave.Consensus;
using Conclave.Consensus.Raft;

namespace Conclave.Store;

/// <summary>What a <see cref="Replica"/> tells the world, always from within <see cref="Replica.RunTurn"/>. Implementations must not call back into it.</summary>
public interface IReplicaOutput
{
    /// <summary>To another member; may be dropped.</summary>
    void Send(PeerId to, PeerMessage message);

    /// <summary>The end of a proposal made here; exactly once for each.</summary>
    void Completed(RequestId request, ProposalOutcome outcome);

    /// <summary>The read may look at the store now (before this call returns, or at any later time), or nobody could confirm it.</summary>
    void ReadReady(ulong read, bool confirmed);

    /// <summary>The end of a renewal asked for here; exactly once for each.</summary>
    void LeaseRenewed(ulong request, RenewalOutcome outcome);

    /// <summary>Who leads has changed, as this member sees it.</summary>
    void RoleChanged(RoleChange change);

    /// <summary>This member leads in <paramref name="term"/> and has applied everything that earlier terms left: its store is the newest there is.</summary>
    void LeadershipEstablished(Term term);
}

/// <summary>The end of a proposal.</summary>
public abstract record ProposalOutcome
{
    private ProposalOutcome()
    {
    }

    /// <summary>On a quorum of disks and applied here.</summary>
    public sealed record Applied(CommandResult Result) : ProposalOutcome;

    /// <summary>Nobody leads; for a proposal bound to a term: this member does not lead in it. Nothing happened and nothing will.</summary>
    public sealed record NotLeader(PeerId? Leader) : ProposalOutcome;

    /// <summary>A bound is reached. Nothing happened and nothing will.</summary>
    public sealed record Busy : ProposalOutcome;

    /// <summary>Another leader's entry took its place in the log. Nothing happened and nothing will.</summary>
    public sealed record Dropped : ProposalOutcome;

    /// <summary>It may have happened, or may yet.</summary>
    public sealed record Unknown : ProposalOutcome;
}
