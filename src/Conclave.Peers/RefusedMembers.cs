using System.Threading.Channels;
using Conclave.Consensus;
using Conclave.Runtime;
using Conclave.Store;
using Microsoft.Extensions.Logging;

namespace Conclave.Peers;

/// <summary>
/// With <see cref="PeerGroupOptions.FastPreVote"/>: ends the leases of members whose addresses refuse connections, as their coordinator. Which leases those are is noted at the refusal: a process listens
/// before it asks for its first lease, so what stands then belongs to one that is gone, and never to its successor.
/// </summary>
internal sealed class RefusedMembers(PeerAddressBook book, string group, ILogger log)
{
    private readonly Lock _gate = new();
    private readonly Dictionary<PeerId, LeaseId[]> _left = [];
    private readonly Channel<bool> _wake = Channel.CreateBounded<bool>(new BoundedChannelOptions(1) { FullMode = BoundedChannelFullMode.DropWrite });

    /// <summary>On the member's loop.</summary>
    public void Refuse(PeerId member, Applier applier)
    {
        var position = book.PositionOf(member);
        var leases = applier.Leases.Ids.Where(lease => LeaseIds.PositionOf(lease) == position).ToArray();
        lock (_gate)
            _left[member] = leases;
        if (leases.Length > 0)
            _wake.Writer.TryWrite(true);
    }

    /// <summary>Ends what was left behind, whenever this member coordinates.</summary>
    public async Task RunAsync(LocalMember member, CancellationToken stopping)
    {
        var office = WakeAtOfficeAsync(member, stopping);
        await foreach (var _ in _wake.Reader.ReadAllAsync(stopping).ConfigureAwait(false))
        {
            if (member.Standing is { Established: true } standing)
                await EndAsync(member, standing.Term, stopping).ConfigureAwait(false);
        }

        await office.ConfigureAwait(false);
    }

    private async Task WakeAtOfficeAsync(LocalMember member, CancellationToken stopping)
    {
        await foreach (var standing in member.ObserveStandingAsync(stopping).ConfigureAwait(false))
        {
            if (standing.Established)
                _wake.Writer.TryWrite(true);
        }

        _wake.Writer.TryComplete();
    }

    private async Task EndAsync(LocalMember member, Term term, CancellationToken stopping)
    {
        (PeerId Member, LeaseId[] Leases)[] left;
        lock (_gate)
            left = [.. _left.Where(refused => refused.Value.Length > 0).Select(refused => (refused.Key, refused.Value))];
        foreach (var (refused, leases) in left)
        {
            Log.EndsLeasesOfRefused(log, group, book.NameOf(refused), leases.Length);
            var ended = true;
            foreach (var lease in leases)
                ended &= await member.ProposeInTermAsync(new Command.RevokeLease(lease), term, stopping).ConfigureAwait(false) is ProposalOutcome.Applied;
            lock (_gate)
            {
                if (ended && _left.TryGetValue(refused, out var now) && ReferenceEquals(now, leases))
                    _left[refused] = [];
            }
        }
    }
}
