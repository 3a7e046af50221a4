using Conclave.Consensus.Raft;

namespace Conclave.Store;

/// <summary>The leader's clock of leases: what expires is revoked through the log, like any other change.</summary>
public sealed partial class Replica
{
    private ulong _nextInternalRequest;

    private void TickLeases()
    {
        if (!Leads)
            return;
        _applier.Leases.Tick();
        foreach (var lease in _applier.Leases.Expired())
        {
            // Refused when too much is uncommitted: the table hands it out again.
            var request = new RequestId(Id, _nextInternalRequest);
            _nextInternalRequest = (_nextInternalRequest + 1) | InternalRequestBit;
            _raft.Propose(CommandCodec.Encode(request, new Command.RevokeLease(lease)), _raft.Term);
        }
    }
}
