using Conclave.Consensus;
using Conclave.Store;
using Conclave.Store.Mvcc;
using Conclave.Store.Tests.Replicas;

namespace Conclave.Peers.Tests;

/// <summary>The replicated state of the elections and its leases, in ticks: three replicas on memory disks and a network that the test cuts. No process, no clock.</summary>
public sealed class MachineTests
{
    private const string Election = "billing/dialer";
    private const int TtlMilliseconds = 1_000;
    private const int TtlTicks = 20; // of 50 ms

    private readonly ReplicaCluster _group = new(3, configure: options => options with { LeaseUnitsPerSecond = 1_000 });

    [Fact]
    public void Who_stood_first_leads_and_the_next_follows_in_the_revision_of_its_withdrawal()
    {
        var at = _group.Elect();
        var (first, second) = (Grant(at, 1), Grant(at, 2));
        var one = Enter(at, first, "a");
        var two = Enter(at, second, "b");
        Assert.True(two > one);
        Assert.Equal(new Leader("a", new FencingToken(one.Value)), LeaderAt(at));

        _group.Run(at, ElectionKeys.Withdraw(Election, first));
        Assert.Equal(new Leader("b", new FencingToken(two.Value)), LeaderAt(at));
    }

    [Fact]
    public void A_try_enters_only_where_nobody_stands_and_its_repetition_answers_the_same()
    {
        var at = _group.Elect();
        var (first, second) = (Grant(at, 1), Grant(at, 2));
        for (var repetition = 0; repetition < 2; repetition++)
        {
            var won = Answer(at, ElectionKeys.EnterIfVacant(Election, first, "a"));
            Assert.True(ElectionKeys.IsFirst(won));
            var lost = Answer(at, ElectionKeys.EnterIfVacant(Election, second, "b"));
            Assert.False(ElectionKeys.IsFirst(lost));
            Assert.Null(ElectionKeys.EnteredAt(lost));
        }
    }

    [Fact]
    public void A_holder_that_renews_stays_and_one_that_falls_silent_is_followed_after_its_lease()
    {
        var at = _group.Elect();
        var (silent, next) = (Grant(at, 1), Grant(at, 2, ttl: 1_000_000));
        Enter(at, silent, "a");
        Enter(at, next, "b");
        for (var turn = 0; turn < 10; turn++)
        {
            _group.Tick(TtlTicks / 2);
            Renew(at, silent);
            Assert.Equal("a", LeaderAt(at)!.Value);
        }

        _group.Tick(TtlTicks);
        Assert.Equal("a", LeaderAt(at)!.Value);
        _group.Tick(5);
        Assert.Equal("b", LeaderAt(at)!.Value);
    }

    [Fact]
    public void A_new_coordinator_waits_a_whole_lease_from_its_office_before_it_ends_a_silent_holder()
    {
        var old = _group.Elect();
        var holder = Grant(old, 1);
        Enter(old, holder, "a");

        // The holder's last renewal is as late as can be: the coordinator counts it and is gone.
        _group.Tick(TtlTicks - 1);
        Renew(old, holder);
        _group.PowerCut(old);
        _group.Until(() => _group.Up.Values.Any(replica => replica.Status.Established), "another coordinates");
        var office = _group.Leader;
        for (var tick = 0; tick < TtlTicks; tick++)
        {
            Assert.NotNull(LeaderAt(office));
            _group.Tick(1);
        }

        _group.Tick(5);
        Assert.Null(LeaderAt(office));
    }

    [Fact]
    public void Tokens_grow_over_a_power_cut_of_all()
    {
        var at = _group.Elect();
        var before = Enter(at, Grant(at, 1), "a");
        foreach (var id in _group.Ids)
            _group.PowerCut(id);
        foreach (var id in _group.Ids)
            _group.Start(id);

        at = _group.Elect();
        var after = Enter(at, Grant(at, 2), "b");
        Assert.True(after > before);
        Assert.Equal("a", LeaderAt(at)!.Value);
        _group.Tick(TtlTicks + 5);
        Assert.Null(LeaderAt(at)); // both silent since
    }

    [Fact]
    public void A_creation_that_comes_after_its_withdrawal_makes_no_ghost()
    {
        var at = _group.Elect();
        var holder = Grant(at, 1);
        Assert.IsType<CommandResult.Txn>(Answer(at, ElectionKeys.WithdrawInDoubt(Election, holder)));
        Assert.Null(ElectionKeys.EnteredAt(Answer(at, ElectionKeys.Enter(Election, holder, "a"))));
        Assert.Null(ElectionKeys.EnteredAt(Answer(at, ElectionKeys.EnterIfVacant(Election, holder, "a"))));
        Assert.Null(LeaderAt(at));
    }

    [Fact]
    public void A_creation_under_a_lease_that_is_over_is_refused()
    {
        var at = _group.Elect();
        var holder = Grant(at, 1);
        _group.Run(at, new Command.RevokeLease(holder.Lease));
        var outcome = Assert.IsType<ProposalOutcome.Applied>(_group.Run(at, ElectionKeys.Enter(Election, holder, "a")));
        Assert.Equal(StoreError.LeaseNotFound, Assert.IsType<CommandResult.Refused>(outcome.Result).Error);
    }

    [Fact]
    public void An_election_s_name_may_be_the_beginning_of_another_s()
    {
        var at = _group.Elect();
        var (one, two) = (Grant(at, 1), Grant(at, 2));
        Answer(at, ElectionKeys.Enter("billing", one, "a"));
        Assert.True(ElectionKeys.IsFirst(Answer(at, ElectionKeys.EnterIfVacant("billing/dialer", two, "b"))));
        Assert.Equal("a", LeaderAt(at, "billing")!.Value);
        Assert.Equal("b", LeaderAt(at, "billing/dialer")!.Value);
    }

    private Leader? LeaderAt(PeerId at, string election = Election) => ElectionKeys.LeaderOf(election, _group.Up[at].Applier.Store);

    private CandidacyId Grant(PeerId at, long lease, long ttl = TtlMilliseconds)
    {
        Assert.IsType<CommandResult.LeaseGranted>(Assert.IsType<ProposalOutcome.Applied>(_group.Run(at, new Command.GrantLease(new LeaseId(lease), ttl))).Result);
        return new CandidacyId(new LeaseId(lease), 1);
    }

    private CommandResult.Txn Answer(PeerId at, Command.Txn command) =>
        Assert.IsType<CommandResult.Txn>(Assert.IsType<ProposalOutcome.Applied>(_group.Run(at, command)).Result);

    private Revision Enter(PeerId at, CandidacyId candidacy, string value) => ElectionKeys.EnteredAt(Answer(at, ElectionKeys.Enter(Election, candidacy, value)))!.Value;

    private ulong _renewals;

    private void Renew(PeerId at, CandidacyId candidacy)
    {
        var renewal = ++_renewals;
        _group.Up[at].RenewLease(renewal, candidacy.Lease);
        _group.Settle();
        Assert.IsType<RenewalOutcome.Renewed>(_group.Outputs[at].Renewals[renewal]);
    }
}
