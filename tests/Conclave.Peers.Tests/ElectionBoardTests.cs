using System.Text;
using Conclave.Store;
using Conclave.Store.Mvcc;

namespace Conclave.Peers.Tests;

/// <summary>What the applied log means to candidates and observers of this instance.</summary>
public sealed class ElectionBoardTests
{
    private const string Election = "billing/dialer";

    private readonly ElectionBoard _board = new();
    private long _revision = 1;

    [Fact]
    public async Task An_observer_is_told_each_leader_in_order_and_the_vacancy_between()
    {
        var change = _board.Observe(Election);
        Assert.Null(change.Leader);
        Apply(Put(1, "a"));
        Apply(Put(2, "b"));
        Apply(Delete(1));
        Apply(Delete(2));
        var told = new List<string?>();
        for (var i = 0; i < 3; i++)
        {
            change = (await change.Next)!;
            told.Add(change.Leader?.Value);
        }

        Assert.Equal(["a", "b", null], told);
        Assert.False(change.Next.IsCompleted);
    }

    [Fact]
    public async Task What_one_revision_did_is_one_change()
    {
        Apply(Put(1, "a"));
        Apply(Put(2, "b"));
        Apply(Put(3, "c"));
        var change = _board.Observe(Election);
        _revision++;
        _board.Apply([Event(Delete(1)), Event(Delete(2))]);
        Assert.Equal("c", (await change.Next)!.Leader!.Value);
    }

    [Fact]
    public void A_candidate_hears_when_it_is_first_and_when_it_is_gone()
    {
        Apply(Put(1, "a"));
        var place = _board.Expect(Key(2));
        Apply(Put(2, "b"));
        Assert.False(place.First.IsCompleted);
        Apply(Delete(1));
        Assert.True(place.First.IsCompleted);
        Assert.False(place.Gone.IsCompleted);
        Apply(Delete(2));
        Assert.True(place.Gone.IsCompleted);
    }

    [Fact]
    public void A_candidate_that_has_not_begun_is_not_gone()
    {
        var place = _board.Expect(Key(1));
        Apply(Delete(1));
        Assert.False(place.Gone.IsCompleted);
        Apply(Put(1, "a"));
        Assert.True(place.First.IsCompleted);
    }

    [Fact]
    public async Task When_history_is_lost_observers_hear_so_and_candidates_learn_what_stands_now()
    {
        Apply(Put(1, "a"));
        Apply(Put(2, "b"));
        var (first, second) = (_board.Expect(Key(1)), _board.Expect(Key(2)));
        first.Stood = second.Stood = true;
        var change = _board.Observe(Election);
        _board.Replace([Put(2, "b")]);
        Assert.Null(await change.Next);
        Assert.True(first.Gone.IsCompleted);
        Assert.True(second.First.IsCompleted);
        Assert.Equal("b", _board.Observe(Election).Leader!.Value);
    }

    [Fact]
    public void An_election_that_nobody_uses_is_forgotten()
    {
        _ = _board.Observe(Election);
        Apply(Put(1, "a"));
        _board.Leave(Election);
        Assert.Equal(1, _board.Count);
        Apply(Delete(1));
        Assert.Equal(0, _board.Count);
    }

    private static byte[] Key(long candidacy) => ElectionKeys.KeyOf(Election, new CandidacyId(new LeaseId(7), candidacy));

    private static StoreEvent Event(KeyValue candidacy) => new(candidacy, null);

    private KeyValue Put(long candidacy, string value) => new(Key(candidacy), Encoding.UTF8.GetBytes(value), new Revision(_revision + candidacy), new Revision(_revision), 1, new LeaseId(7));

    private KeyValue Delete(long candidacy) => new(Key(candidacy), default, default, new Revision(_revision), 0, LeaseId.None);

    private void Apply(KeyValue change)
    {
        _revision++;
        _board.Apply([Event(change)]);
    }
}
