using Conclave.Wire.Etcd;

namespace Conclave.Etcd;

/// <summary>Everybody who stands in an election, as read at one revision and kept up by the events since. Pure; for one thread.</summary>
internal sealed class CandidateList
{
    private readonly Dictionary<string, Candidate> _byKey = new(StringComparer.Ordinal);
    private readonly SortedSet<Candidate> _byCreation = new(Candidate.ByCreation);

    public CandidateList(IEnumerable<KeyValue> standing)
    {
        foreach (var key in standing)
            Put(key);
    }

    /// <summary>The one that stood first; null when nobody stands.</summary>
    public Leader? Leader => _byCreation.Min?.Leader;

    public void Apply(Event change)
    {
        if (change.Type == Event.Types.EventType.Delete)
            Remove(change.Kv.Key.ToStringUtf8());
        else
            Put(change.Kv);
    }

    private void Put(KeyValue key)
    {
        var candidate = new Candidate(key.Key.ToStringUtf8(), ElectionKeys.ToLeader(key));
        Remove(candidate.Key);
        _byKey.Add(candidate.Key, candidate);
        _byCreation.Add(candidate);
    }

    private void Remove(string key)
    {
        if (_byKey.Remove(key, out var gone))
            _byCreation.Remove(gone);
    }

    private sealed record Candidate(string Key, Leader Leader)
    {
        // Keys made by one transaction share their revision; then the key decides, so that every observer names the same one.
        public static readonly Comparer<Candidate> ByCreation = Comparer<Candidate>.Create((left, right) =>
        {
            var byToken = left.Leader.FencingToken.CompareTo(right.Leader.FencingToken);
            return byToken != 0 ? byToken : string.CompareOrdinal(left.Key, right.Key);
        });
    }
}
