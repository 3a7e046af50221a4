using Conclave.Store;
using Conclave.Store.Mvcc;
using Conclave.Store.Watch;

namespace Conclave.Peers;

/// <summary>
/// All elections as this member has applied them: one watch of the store, whatever the number of elections, candidates and observers. Written on the member's loop, read from anywhere. Thread-safe.
/// </summary>
internal sealed class ElectionBoard : IWatchSink
{
    private readonly Lock _gate = new();
    private readonly Dictionary<string, Standings> _elections = new(StringComparer.Ordinal);
    private readonly Dictionary<string, Place> _places = new(StringComparer.Ordinal);

    /// <summary>The watch ended because history that it still needed is gone; <see cref="Open"/> starts another.</summary>
    public Action? Lost { get; set; }

    /// <summary>Elections in which somebody stands or which somebody observes.</summary>
    public int Count
    {
        get
        {
            lock (_gate)
                return _elections.Count;
        }
    }

    /// <summary>Reads what stands and watches from there on. On the loop.</summary>
    public void Open(Applier applier)
    {
        applier.Store.Range(new RangeQuery(ElectionKeys.All), out var standing);
        Replace(standing.Kvs);
        applier.Watches.Open(new WatchSpec(default, ElectionKeys.All) { Start = applier.Store.Current.Next }, this);
    }

    /// <inheritdoc/>
    public bool TryDeliver(WatchBatch batch)
    {
        switch (batch)
        {
            case WatchBatch.Events events:
                Apply(events.List);
                return true;
            case WatchBatch.Compacted:
                Lost?.Invoke();
                return true;
            default:
                return true;
        }
    }

    /// <summary>What one revision did is one change: a leader that is gone and followed in the same one leaves no vacancy.</summary>
    public void Apply(IReadOnlyList<StoreEvent> events)
    {
        lock (_gate)
        {
            foreach (var revision in events.GroupBy(change => change.Kv.ModRevision))
            {
                var touched = new HashSet<string>(StringComparer.Ordinal);
                foreach (var change in revision)
                    touched.Add(Apply(change));
                foreach (var election in touched.Order(StringComparer.Ordinal))
                    Settle(election);
            }
        }
    }

    /// <summary>What stands now, when what happened in between was not seen.</summary>
    public void Replace(IReadOnlyList<KeyValue> standing)
    {
        lock (_gate)
        {
            var stand = standing.Select(candidacy => Text(candidacy.Key)).ToHashSet(StringComparer.Ordinal);
            foreach (var election in _elections.Values)
            {
                foreach (var key in election.Keys.Where(key => !stand.Contains(key)).ToList())
                {
                    election.Remove(key);
                    Go(key);
                }
            }

            foreach (var candidacy in standing)
                Put(candidacy);
            foreach (var (name, election) in _elections.ToList())
            {
                election.Break();
                Settle(name);
            }
        }
    }

    /// <summary>To be told of a candidacy that is about to begin, until <see cref="Forget"/>.</summary>
    public Place Expect(byte[] key)
    {
        var place = new Place();
        lock (_gate)
            _places.Add(Text(key), place);
        return place;
    }

    public void Forget(byte[] key)
    {
        lock (_gate)
            _places.Remove(Text(key));
    }

    /// <summary>The leader now, from where the chain of changes can be walked until the observer <see cref="Leave"/>s.</summary>
    public LeaderChange Observe(string election)
    {
        lock (_gate)
        {
            var standings = StandingsOf(election);
            standings.Observers++;
            return standings.Latest;
        }
    }

    public void Leave(string election)
    {
        lock (_gate)
        {
            _elections[election].Observers--;
            ForgetUnused(election);
        }
    }

    // Bytes as characters: keys are not all UTF-8, and this is only for looking up.
    private static string Text(ReadOnlyMemory<byte> key) => Convert.ToHexString(key.Span);

    private string Apply(StoreEvent change)
    {
        if (!change.IsDelete)
            return Put(change.Kv);
        var election = ElectionKeys.ElectionOf(change.Kv.Key.Span);
        var key = Text(change.Kv.Key);
        if (_elections.TryGetValue(election, out var standings))
            standings.Remove(key);
        Go(key);
        return election;
    }

    private string Put(KeyValue candidacy)
    {
        var election = ElectionKeys.ElectionOf(candidacy.Key.Span);
        var key = Text(candidacy.Key);
        StandingsOf(election).Put(key, candidacy.CreateRevision, ElectionKeys.ToLeader(candidacy));
        if (_places.TryGetValue(key, out var place))
            place.Stood = true;
        return election;
    }

    private void Go(string key)
    {
        if (!_places.TryGetValue(key, out var place) || !place.Stood)
            return;
        _places.Remove(key); // it never comes back
        place.Go();
    }

    private void Settle(string election)
    {
        if (!_elections.TryGetValue(election, out var standings))
            return;
        standings.Tell();
        if (standings.First is { } first && _places.TryGetValue(first.Key, out var place))
            place.BecomeFirst();
        ForgetUnused(election);
    }

    private Standings StandingsOf(string election)
    {
        if (!_elections.TryGetValue(election, out var standings))
            _elections.Add(election, standings = new Standings());
        return standings;
    }

    private void ForgetUnused(string election)
    {
        if (_elections.TryGetValue(election, out var standings) && standings.IsUnused)
            _elections.Remove(election);
    }
}
