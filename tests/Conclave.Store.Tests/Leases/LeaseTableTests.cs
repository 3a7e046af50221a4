using Conclave.Store.Leases;

namespace Conclave.Store.Tests.Leases;

public sealed class LeaseTableTests
{
    private static readonly LeaseOptions Options = new() { TicksPerSecond = 10, ExpiredMax = 3, RevokeRetryTicks = 5 };

    private readonly LeaseTable _table = new(Options);

    [Fact]
    public void A_lease_lasts_its_whole_time_and_not_much_longer()
    {
        _table.BecomeLeader();
        Grant(1, ttl: 2);
        Tick(20);
        Assert.Empty(_table.Expired());
        Tick(1);
        Assert.Equal([new LeaseId(1)], _table.Expired());
    }

    [Fact]
    public void Late_ticks_that_come_at_once_do_not_shorten_a_lease()
    {
        var table = new LeaseTable(Options with { CaughtUpTicks = 2 });
        table.BecomeLeader();
        Assert.True(table.TryGrant(new LeaseId(1), 2));
        for (var i = 0; i < 2 + 20; i++)
        {
            table.Tick();
            Assert.Empty(table.Expired());
        }

        table.Tick();
        Assert.Equal([new LeaseId(1)], table.Expired());
    }

    [Fact]
    public void A_TTL_may_count_less_than_seconds_and_is_rounded_up_to_ticks()
    {
        var table = new LeaseTable(Options with { UnitsPerSecond = 1_000 });
        table.BecomeLeader();
        Assert.True(table.TryGrant(new LeaseId(1), 150));
        Assert.Equal(150, table.Find(new LeaseId(1))!.Remaining);
        table.Tick();
        table.Tick();
        Assert.Empty(table.Expired());
        Assert.Equal(100, table.Find(new LeaseId(1))!.Remaining);
        table.Tick();
        Assert.Equal([new LeaseId(1)], table.Expired());
    }

    [Fact]
    public void A_renewed_lease_has_its_whole_time_again()
    {
        _table.BecomeLeader();
        Grant(1, ttl: 2);
        for (var i = 0; i < 10; i++)
        {
            Tick(20);
            Assert.Empty(_table.Expired());
            Assert.Equal(LeaseRenewal.Renewed, _table.Renew(new LeaseId(1)));
        }

        Tick(21);
        Assert.Single(_table.Expired());
    }

    [Fact]
    public void An_expired_lease_cannot_be_renewed_for_its_revocation_may_be_under_way()
    {
        _table.BecomeLeader();
        Grant(1, ttl: 2);
        Tick(21);
        Assert.Equal(LeaseRenewal.Gone, _table.Renew(new LeaseId(1)));
        Assert.Equal(LeaseRenewal.Gone, _table.Renew(new LeaseId(2)));
    }

    [Fact]
    public void Expired_leases_come_in_bounded_batches_and_come_again_until_they_are_gone()
    {
        _table.BecomeLeader();
        for (var id = 1; id <= 5; id++)
            Grant(id, ttl: 2);
        Tick(21);
        Assert.Equal([new LeaseId(1), new LeaseId(2), new LeaseId(3)], _table.Expired());
        Assert.Equal([new LeaseId(4), new LeaseId(5)], _table.Expired());
        Assert.Empty(_table.Expired());
        Assert.True(_table.TryRevoke(new LeaseId(1), out _));
        Tick(5);
        Assert.Equal([new LeaseId(2), new LeaseId(3), new LeaseId(4)], _table.Expired());
    }

    [Fact]
    public void A_new_leader_gives_every_lease_its_full_time()
    {
        Grant(1, ttl: 2);
        Tick(1_000);
        Assert.Empty(_table.Expired());
        _table.BecomeLeader();
        Assert.Equal(2, _table.Find(new LeaseId(1))!.Remaining);
        Tick(15);
        _table.StepDown();
        Tick(100);
        Assert.Empty(_table.Expired());
        _table.BecomeLeader();
        Tick(20);
        Assert.Empty(_table.Expired());
        Tick(1);
        Assert.Single(_table.Expired());
    }

    [Fact]
    public void Only_the_leader_knows_the_time_left()
    {
        Grant(1, ttl: 60);
        Assert.Equal(LeaseRenewal.NotLeader, _table.Renew(new LeaseId(1)));
        Assert.Null(_table.Find(new LeaseId(1))!.Remaining);
        _table.BecomeLeader();
        Assert.Equal(60, _table.Find(new LeaseId(1))!.Remaining);
        Tick(11);
        Assert.Equal(59, _table.Find(new LeaseId(1))!.Remaining);
        Assert.Null(_table.Find(new LeaseId(2)));
    }

    [Fact]
    public void An_id_in_use_is_not_granted_again_but_a_revoked_one_is()
    {
        _table.BecomeLeader();
        Grant(1, ttl: 2);
        Assert.False(_table.TryGrant(new LeaseId(1), 60));
        Assert.True(_table.TryRevoke(new LeaseId(1), out _));
        Grant(1, ttl: 60);
        // The first one's place in the queue of deadlines must not end the second.
        Tick(100);
        Assert.Empty(_table.Expired());
    }

    [Fact]
    public void The_longest_lease_does_not_overflow()
    {
        _table.BecomeLeader();
        Grant(1, ttl: long.MaxValue);
        Tick(10);
        Assert.Empty(_table.Expired());
        Assert.Equal(LeaseRenewal.Renewed, _table.Renew(new LeaseId(1)));
    }

    /// <summary>Any mix of grants, renewals, ticks and changes of leader: never early, and at most one tick and its turn in the batch late.</summary>
    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public void No_lease_ends_early(int seed)
    {
        var random = new Random(seed);
        var promised = new Dictionary<LeaseId, (long Until, long Ttl)>();
        long now = 0;
        var ended = 0;
        _table.BecomeLeader();
        for (var step = 0; step < 20_000; step++)
        {
            var id = new LeaseId(random.Next(1, 40));
            switch (random.Next(10))
            {
                case 0 when _table.TryGrant(id, 1 + (id.Value % 5)):
                    promised[id] = (now + (10 * (1 + (id.Value % 5))), 1 + (id.Value % 5));
                    break;
                case 1 or 2 when _table.Renew(id) == LeaseRenewal.Renewed:
                    promised[id] = (now + (10 * promised[id].Ttl), promised[id].Ttl);
                    break;
                case 3 when random.Next(100) == 0:
                    _table.StepDown();
                    _table.BecomeLeader();
                    foreach (var (other, promise) in promised)
                        promised[other] = (now + (10 * promise.Ttl), promise.Ttl);
                    break;
                default:
                    _table.Tick();
                    now++;
                    break;
            }

            foreach (var expired in _table.Expired())
            {
                Assert.True(now > promised[expired].Until, $"{expired} ends at {now}, promised until {promised[expired].Until}");
                Assert.True(_table.TryRevoke(expired, out _));
                promised.Remove(expired);
                ended++;
            }

            Assert.True(promised.Values.Count(promise => promise.Until + 1 < now) <= 40, "Expiry keeps up");
        }

        Assert.True(ended > 100, "Leases end");
        Assert.DoesNotContain(promised.Values, promise => promise.Until + 20 < now);
    }

    private void Grant(long id, long ttl) => Assert.True(_table.TryGrant(new LeaseId(id), ttl));

    private void Tick(int count)
    {
        for (var i = 0; i < count; i++)
            _table.Tick();
    }
}
