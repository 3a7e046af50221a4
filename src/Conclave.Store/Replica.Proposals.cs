using Conclave.Consensus;
using Conclave.Consensus.Raft;

namespace Conclave.Store;

/// <summary>Proposals on their way from a caller through the log and back. Every one ends exactly once.</summary>
public sealed partial class Replica
{
    /// <summary>Numbers of requests that the replica makes itself carry this bit; callers' numbers must not.</summary>
    public const ulong InternalRequestBit = 1UL << 63;

    private readonly Dictionary<ulong, Proposal> _proposals = [];

    // In the order of arrival, so that walks are the same on every run. What has ended is passed over.
    private readonly Queue<Proposal> _proposalsByAge = new();
    private readonly Queue<Proposal> _parked = new();
    private readonly Queue<Proposal> _accepted = new();

    /// <summary>
    /// Proposes a command; <see cref="IReplicaOutput.Completed"/> tells its end. While nobody leads it waits, up to <see cref="ReplicaOptions.RequestTicks"/>.
    /// With <paramref name="onlyIn"/> it is proposed only by this member as leader of that very term, and refused otherwise.
    /// </summary>
    public void Propose(RequestId request, Command command, Term? onlyIn = null)
    {
        Invariant.Require(request.Origin == Id && (request.Number & InternalRequestBit) == 0, "a request is named by the member that took it");
        if (_proposals.Count >= _options.MaxPending)
        {
            _output.Completed(request, new ProposalOutcome.Busy());
            return;
        }

        var proposal = new Proposal(request, CommandCodec.Encode(request, command), _now + _options.RequestTicks);
        _proposals.Add(request.Number, proposal);
        _proposalsByAge.Enqueue(proposal);
        Submit(proposal, onlyIn);
    }

    private void Submit(Proposal proposal, Term? onlyIn)
    {
        switch (_raft.Propose(proposal.Bytes, onlyIn))
        {
            case ProposeResult.Accepted accepted:
                proposal.At = accepted.Id;
                _accepted.Enqueue(proposal);
                break;
            case ProposeResult.Forwarded forwarded:
                proposal.ForwardedTo = forwarded.Leader;
                break;
            case ProposeResult.NotLeader when onlyIn is null:
                _parked.Enqueue(proposal);
                break;
            case ProposeResult.NotLeader notLeader:
                End(proposal, new ProposalOutcome.NotLeader(notLeader.Leader));
                break;
            case ProposeResult.Busy:
                End(proposal, new ProposalOutcome.Busy());
                break;
            default:
                throw new System.Diagnostics.UnreachableException();
        }
    }

    private void ProposeParked()
    {
        if (_raft.Leader is null)
            return;
        for (var left = _parked.Count; left > 0; left--)
        {
            var proposal = _parked.Dequeue();
            if (!proposal.Ended)
                Submit(proposal, onlyIn: null);
        }
    }

    private void Complete(ApplyResult applied)
    {
        if (applied.Request.Origin == Id && _proposals.TryGetValue(applied.Request.Number, out var proposal))
            End(proposal, new ProposalOutcome.Applied(applied.Result));
    }

    /// <summary>An entry was applied where another one of ours stood: by Log Matching (Raft §5.3) ours is gone for good.</summary>
    private void DropOvertaken(EntryId applied)
    {
        while (_accepted.TryPeek(out var proposal) && (proposal.Ended || proposal.At!.Value.Index <= applied.Index))
        {
            if (!proposal.Ended && proposal.At!.Value == applied)
                return; // its result comes right after
            _accepted.Dequeue();
            if (!proposal.Ended)
                End(proposal, proposal.At!.Value.Index == applied.Index ? new ProposalOutcome.Dropped() : new ProposalOutcome.Unknown());
        }
    }

    /// <summary>Whom it was forwarded to leads no more. It may have got into the log or not; waiting would not tell.</summary>
    private void EndProposalsForwardedElsewhere(PeerId? leader)
    {
        if (leader is null)
            return;
        foreach (var proposal in _proposalsByAge)
        {
            if (!proposal.Ended && proposal.ForwardedTo is { } to && to != leader)
                End(proposal, new ProposalOutcome.Unknown());
        }
    }

    private void EndOverdueProposals()
    {
        while (_proposalsByAge.TryPeek(out var proposal) && (proposal.Ended || proposal.Deadline <= _now))
        {
            _proposalsByAge.Dequeue();
            if (proposal.Ended)
                continue;
            var wasProposed = proposal.At is not null || proposal.ForwardedTo is not null;
            End(proposal, wasProposed ? new ProposalOutcome.Unknown() : new ProposalOutcome.NotLeader(_raft.Leader));
        }
    }

    private void End(Proposal proposal, ProposalOutcome outcome)
    {
        proposal.Ended = true;
        proposal.Bytes = default;
        _proposals.Remove(proposal.Request.Number);
        _output.Completed(proposal.Request, outcome);
    }

    private sealed class Proposal(RequestId request, ReadOnlyMemory<byte> bytes, long deadline)
    {
        public RequestId Request { get; } = request;

        public ReadOnlyMemory<byte> Bytes { get; set; } = bytes;

        public long Deadline { get; } = deadline;

        public EntryId? At { get; set; }

        public PeerId? ForwardedTo { get; set; }

        public bool Ended { get; set; }
    }
}
