using System.Text;
using Conclave.Simulation.World;
using Conclave.Store;
using Conclave.Store.Mvcc;

namespace Conclave.Simulation.Clients;

/// <summary>What a client does with leases: it takes one, hangs a key on it, renews it for a while, looks whether the key is there, and ends it or lets it lapse.</summary>
internal sealed class LeaseHolder(int client, SimulatedCluster cluster, Random random)
{
    private const int TtlMin = 2;
    private const int TtlMax = 3;
    private int _taken;
    private LeaseId _lease;
    private byte[]? _key;

    public void Act(SimulatedMember member, SimulatedClient.Exchange exchange)
    {
        var choice = random.Next(100);
        if (_lease == LeaseId.None)
            Grant(member, exchange);
        else if (_key is null)
            Put(member, exchange);
        else if (choice < 55)
            Renew(member, exchange);
        else if (choice < 85)
            Look(member, exchange);
        else if (choice < 92)
            Revoke(member, exchange);
        else
            Grant(member, exchange); // the old one lapses
    }

    private void Grant(SimulatedMember member, SimulatedClient.Exchange exchange)
    {
        var asked = cluster.Agenda.Now;
        var lease = new LeaseId((client * 10_000) + ++_taken);
        var ttl = random.Next(TtlMin, TtlMax + 1);
        (_lease, _key) = (LeaseId.None, null);
        exchange.Send(() => member.Propose(new Command.GrantLease(lease, ttl), outcome => exchange.Answer(member.Leaves, () =>
        {
            if (outcome is not ProposalOutcome.Applied { Result: CommandResult.LeaseGranted })
                return;
            _lease = lease;
            cluster.Leases.Promised(lease, ttl, asked);
        })));
    }

    private void Put(SimulatedMember member, SimulatedClient.Exchange exchange)
    {
        var lease = _lease;
        var key = Encoding.UTF8.GetBytes($"lease/{lease.Value}");
        var put = new Command.Put(key, key, lease);
        exchange.Send(() => member.Propose(put, outcome => exchange.Answer(member.Leaves, () =>
        {
            if (outcome is not ProposalOutcome.Applied applied)
                return;
            if (applied.Result is CommandResult.Refused)
            {
                Gone(lease);
                return;
            }

            _key = key;
            cluster.Acknowledge(applied.Result.Revision, put);
        })));
    }

    private void Renew(SimulatedMember member, SimulatedClient.Exchange exchange)
    {
        var asked = cluster.Agenda.Now;
        var lease = _lease;
        exchange.Send(() => member.Renew(lease, outcome => exchange.Answer(member.Leaves, () =>
        {
            if (outcome is RenewalOutcome.Renewed renewed)
                cluster.Leases.Promised(lease, renewed.Ttl, asked);
            else if (outcome is RenewalOutcome.Gone)
                Gone(lease);
        })));
    }

    private void Look(SimulatedMember member, SimulatedClient.Exchange exchange)
    {
        var lease = _lease;
        var key = _key!;
        exchange.Send(() => member.Read(replica =>
        {
            var confirmed = replica is not null;
            var holds = replica?.Applier.Store.Get(key) is not null;
            exchange.Answer(member.Leaves, () =>
            {
                if (confirmed && !holds)
                    Gone(lease);
            });
        }));
    }

    private void Revoke(SimulatedMember member, SimulatedClient.Exchange exchange)
    {
        var lease = _lease;
        (_lease, _key) = (LeaseId.None, null);
        cluster.Leases.GivenUp(lease);
        exchange.Send(() => member.Propose(new Command.RevokeLease(lease), _ => exchange.Answer(member.Leaves, () => { })));
    }

    private void Gone(LeaseId lease)
    {
        cluster.Leases.SeenGone(lease);
        if (_lease == lease)
            (_lease, _key) = (LeaseId.None, null);
    }
}
