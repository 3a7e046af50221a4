using Conclave.Store.Mvcc;

namespace Conclave.Store.Tests;

/// <summary>
/// The store as one would explain it: a full copy of the map for every revision, and the list of events of every revision. Slow and obvious. Answers are
/// the texts that <see cref="Text.Show(CommandResult)"/> makes of the real ones.
/// </summary>
internal sealed class ReferenceModel
{
    private readonly List<SortedDictionary<string, Pair>> _states = [Empty(), Empty()];
    private readonly List<List<Change>> _changes = [[], []];
    private readonly Dictionary<long, long> _leases = [];

    public long Current => _states.Count - 1;

    public long Compacted { get; private set; }

    /// <summary>Events of a revision as text, prev_kv included unless it is compacted.</summary>
    public IEnumerable<string> EventsOf(long revision, Func<string, bool> keys, bool puts, bool deletes, bool prevKv) =>
        _changes[(int)revision].Where(change => keys(change.Key) && (change.After is null ? deletes : puts)).Select(change => Show(change, prevKv, revision));

    public string Run(Command command)
    {
        switch (command)
        {
            case Command.Op op:
                return RunOp(op);
            case Command.Compact compact:
                if (compact.At.Value <= Compacted)
                    return Refused(StoreError.Compacted);
                if (compact.At.Value > Current)
                    return Refused(StoreError.FutureRevision);
                Compacted = compact.At.Value;
                return $"@{Current} compacted";
            case Command.GrantLease grant:
                return _leases.TryAdd(grant.Id.Value, grant.Ttl) ? $"@{Current} lease {grant.Id} {grant.Ttl}" : Refused(StoreError.LeaseExists);
            case Command.RevokeLease revoke:
                if (!_leases.Remove(revoke.Id.Value))
                    return Refused(StoreError.LeaseNotFound);
                var work = Begin();
                var keys = work.State.Where(pair => pair.Value.Lease == revoke.Id.Value).Select(pair => pair.Key).ToList();
                foreach (var key in keys)
                    work.Write(key, after: null);
                Commit(work);
                return $"@{Current} revoked {keys.Count}";
            default:
                throw new NotSupportedException();
        }
    }

    /// <summary>A read outside any transaction.</summary>
    public string Range(RangeQuery query) => CheckReadable(query.Revision.Value) is var error and not StoreError.None
        ? error.ToString()
        : Range(query, query.Revision.Value > 0 ? _states[(int)query.Revision.Value] : _states[^1]);

    private static SortedDictionary<string, Pair> Empty() => new(StringComparer.Ordinal);

    private string RunOp(Command.Op op)
    {
        var chosen = Choose(op, _states[^1]);
        var error = Check(chosen);
        if (error != StoreError.None)
            return Refused(error);
        var work = Begin();
        var text = Execute(chosen, work);
        Commit(work);
        return text.Replace("@?", $"@{Current}", StringComparison.Ordinal);
    }

    /// <summary>Every transaction replaced by the branch that runs: the compares are gone.</summary>
    private static Chosen Choose(Command.Op op, SortedDictionary<string, Pair> before)
    {
        if (op is not Command.Txn txn)
            return new Chosen(op, Then: false, []);
        var then = txn.Compares.All(compare => Holds(compare, before));
        return new Chosen(op, then, (then ? txn.Success : txn.Failure).Select(inner => Choose(inner, before)).ToList());
    }

    private StoreError Check(Chosen chosen)
    {
        switch (chosen.Op)
        {
            case Command.Range range:
                return CheckReadable(range.Query.Revision.Value);
            case Command.Put put:
                if ((put.IgnoreLease || put.IgnoreValue) && !_states[^1].ContainsKey(Text.Of(put.Key)))
                    return StoreError.KeyNotFound;
                return !put.IgnoreLease && put.Lease.Value != 0 && !_leases.ContainsKey(put.Lease.Value) ? StoreError.LeaseNotFound : StoreError.None;
            default:
                return chosen.Inner.Select(Check).FirstOrDefault(error => error != StoreError.None);
        }
    }

    private static string Execute(Chosen chosen, Work work)
    {
        switch (chosen.Op)
        {
            case Command.Range range:
                return $"@? {Range(range.Query, range.Query.Revision.Value > 0 ? work.History[(int)range.Query.Revision.Value] : work.State)}";
            case Command.Put put:
                var key = Text.Of(put.Key);
                work.State.TryGetValue(key, out var before);
                work.Write(key, new Pair(
                    put.IgnoreValue ? before!.Value : Text.Of(put.Value),
                    before?.Create ?? work.Revision,
                    work.Revision,
                    (before?.Version ?? 0) + 1,
                    put.IgnoreLease ? before!.Lease : put.Lease.Value));
                return $"@? put {Show(key, put.PrevKv ? before : null)}";
            case Command.DeleteRange delete:
                var gone = work.State.Where(pair => In(delete.Keys, pair.Key)).ToList();
                foreach (var pair in gone)
                    work.Write(pair.Key, after: null);
                return $"@? deleted {gone.Count} [{string.Join(' ', delete.PrevKv ? gone.Select(pair => Show(pair.Key, pair.Value)) : [])}]";
            default:
                return $"@? {(chosen.Then ? "then" : "else")} {{{string.Join("; ", chosen.Inner.Select(inner => Execute(inner, work)).ToList())}}}";
        }
    }

    private static string Range(RangeQuery query, SortedDictionary<string, Pair> state)
    {
        var all = state.Where(pair => In(query.Keys, pair.Key)).ToList();
        if (query.CountOnly)
            return $"[] of {all.Count}";
        IEnumerable<KeyValuePair<string, Pair>> found = all
            .Where(pair => query.MinModRevision.Value == 0 || pair.Value.Mod >= query.MinModRevision.Value)
            .Where(pair => query.MaxModRevision.Value == 0 || pair.Value.Mod <= query.MaxModRevision.Value)
            .Where(pair => query.MinCreateRevision.Value == 0 || pair.Value.Create >= query.MinCreateRevision.Value)
            .Where(pair => query.MaxCreateRevision.Value == 0 || pair.Value.Create <= query.MaxCreateRevision.Value);
        IComparer<KeyValuePair<string, Pair>> by = Comparer<KeyValuePair<string, Pair>>.Create((x, y) => query.Sort switch
        {
            RangeSort.Key => string.CompareOrdinal(x.Key, y.Key),
            RangeSort.Value => string.CompareOrdinal(x.Value.Value, y.Value.Value),
            RangeSort.Version => x.Value.Version.CompareTo(y.Value.Version),
            RangeSort.Create => x.Value.Create.CompareTo(y.Value.Create),
            _ => x.Value.Mod.CompareTo(y.Value.Mod),
        });
        found = query.Order == RangeOrder.Descending ? found.OrderDescending(by) : found.Order(by);
        var passing = found.ToList();
        var more = query.Limit > 0 && passing.Count > query.Limit;
        // Without filter and sort the limit cuts before anything else, which makes no difference to what is seen here.
        var shown = query.Limit > 0 ? passing.Take((int)query.Limit) : passing;
        var texts = shown.Select(pair => Show(pair.Key, query.KeysOnly ? pair.Value with { Value = "" } : pair.Value));
        return $"[{string.Join(' ', texts)}] {(more ? "more " : "")}of {all.Count}";
    }

    private static bool Holds(Compare compare, SortedDictionary<string, Pair> state)
    {
        var pairs = state.Where(pair => In(compare.Keys, pair.Key)).Select(pair => pair.Value).ToList();
        if (pairs.Count == 0 && compare.Target == CompareTarget.Value)
            return false;
        return pairs.DefaultIfEmpty(new Pair("", 0, 0, 0, 0)).All(pair =>
        {
            var order = compare.Target switch
            {
                CompareTarget.Value => string.CompareOrdinal(pair.Value, Text.Of(compare.Value)),
                CompareTarget.Create => pair.Create.CompareTo(compare.Number),
                CompareTarget.Mod => pair.Mod.CompareTo(compare.Number),
                CompareTarget.Lease => pair.Lease.CompareTo(compare.Number),
                _ => pair.Version.CompareTo(compare.Number),
            };
            return compare.Relation switch
            {
                CompareRelation.Equal => order == 0,
                CompareRelation.Less => order < 0,
                CompareRelation.Greater => order > 0,
                _ => order != 0,
            };
        });
    }

    private static bool In(KeyRange keys, string key)
    {
        var (start, end) = (Text.Of(keys.Key), Text.Of(keys.End));
        if (end.Length == 0)
            return key == start;
        return string.CompareOrdinal(key, start) >= 0 && (end == "\0" || string.CompareOrdinal(key, end) < 0);
    }

    private StoreError CheckReadable(long revision) =>
        revision <= 0 ? StoreError.None : revision > Current ? StoreError.FutureRevision : revision < Compacted ? StoreError.Compacted : StoreError.None;

    private string Refused(StoreError error) => $"@{Current} {error}";

    private Work Begin() => new(_states, new SortedDictionary<string, Pair>(_states[^1], StringComparer.Ordinal));

    private void Commit(Work work)
    {
        if (work.Changes.Count == 0)
            return;
        _states.Add(work.State);
        _changes.Add(work.Changes);
    }

    private static string Show(string key, Pair? pair) => pair is null
        ? "-"
        : $"{key}={pair.Value}({pair.Create},{pair.Mod},{pair.Version},{pair.Lease:x})";

    private string Show(Change change, bool prevKv, long revision)
    {
        var after = change.After is null ? $"{change.Key}!{revision}" : Show(change.Key, change.After);
        return $"{after}<{(prevKv && revision > Compacted ? Show(change.Key, change.Before) : "-")}";
    }

    private sealed record Pair(string Value, long Create, long Mod, long Version, long Lease);

    private sealed record Change(string Key, Pair? Before, Pair? After);

    private sealed record Chosen(Command.Op Op, bool Then, IReadOnlyList<Chosen> Inner);

    private sealed record Work(List<SortedDictionary<string, Pair>> History, SortedDictionary<string, Pair> State)
    {
        public List<Change> Changes { get; } = [];

        public long Revision => History.Count;

        public void Write(string key, Pair? after)
        {
            State.TryGetValue(key, out var before);
            Changes.Add(new Change(key, before, after));
            if (after is null)
                State.Remove(key);
            else
                State[key] = after;
        }
    }
}
