using Conclave.Store.Mvcc;

namespace Conclave.Store;

/// <summary>
/// Operations, alone or in a transaction. Three steps, because a transaction happens whole or not at all: decide which branches run, on the state before
/// it; check that no operation of these can be refused, on that same state; then run them, which cannot fail.
/// </summary>
public sealed partial class Applier
{
    private CommandResult RunOp(Command.Op op)
    {
        // One answer per transaction, in the order in which a walk through the chosen branches meets them.
        var branches = new Queue<bool>();
        if (op is Command.Txn txn)
            Decide(txn, branches);
        var error = CheckOp(op, new Queue<bool>(branches));
        if (error != StoreError.None)
            return Refuse(error);

        // Reads inside know the revision that will be only when something was written; results are stamped when it is known.
        var result = Execute(op, branches);
        return Stamp(result, Commit());
    }

    private void Decide(Command.Txn txn, Queue<bool> branches)
    {
        var succeeded = txn.Compares.All(Holds);
        branches.Enqueue(succeeded);
        foreach (var op in succeeded ? txn.Success : txn.Failure)
        {
            if (op is Command.Txn nested)
                Decide(nested, branches);
        }
    }

    private StoreError CheckOp(Command.Op op, Queue<bool> branches)
    {
        switch (op)
        {
            case Command.Range range:
                return Store.CheckReadable(range.Query.Revision);
            case Command.Put put:
                if ((put.IgnoreValue || put.IgnoreLease) && Store.Get(put.Key.Span) is null)
                    return StoreError.KeyNotFound;
                return put.IgnoreLease || put.Lease == LeaseId.None || Leases.Contains(put.Lease) ? StoreError.None : StoreError.LeaseNotFound;
            case Command.DeleteRange:
                return StoreError.None;
            case Command.Txn txn:
                foreach (var inner in branches.Dequeue() ? txn.Success : txn.Failure)
                {
                    var error = CheckOp(inner, branches);
                    if (error != StoreError.None)
                        return error;
                }

                return StoreError.None;
            default:
                throw new System.Diagnostics.UnreachableException();
        }
    }

    private CommandResult Execute(Command.Op op, Queue<bool> branches)
    {
        switch (op)
        {
            case Command.Range range:
                var error = Store.Range(range.Query, out var found);
                Consensus.Invariant.Require(error == StoreError.None, "A checked read is not refused");
                return new CommandResult.Range(found) { Revision = Store.Current };
            case Command.Put put:
                return Put(put);
            case Command.DeleteRange delete:
                var previous = delete.PrevKv ? new List<KeyValue>() : null;
                var deleted = Store.Delete(delete.Keys, previous);
                return new CommandResult.DeleteRange(deleted, previous ?? (IReadOnlyList<KeyValue>)[]) { Revision = Store.Current };
            case Command.Txn txn:
                var succeeded = branches.Dequeue();
                var ops = succeeded ? txn.Success : txn.Failure;
                var results = new CommandResult[ops.Count];
                for (var i = 0; i < results.Length; i++)
                    results[i] = Execute(ops[i], branches);
                return new CommandResult.Txn(succeeded, results) { Revision = Store.Current };
            default:
                throw new System.Diagnostics.UnreachableException();
        }
    }

    private CommandResult.Put Put(Command.Put put)
    {
        var before = put.IgnoreValue || put.IgnoreLease ? Store.Get(put.Key.Span) : null;
        var value = put.IgnoreValue && before is not null ? before.Value : put.Value;
        var lease = put.IgnoreLease ? before?.Lease ?? LeaseId.None : put.Lease;
        var previous = Store.Put(put.Key.Span, value.Span, lease);
        return new CommandResult.Put(put.PrevKv ? previous : null) { Revision = Store.Current };
    }

    private static CommandResult Stamp(CommandResult result, Revision revision)
    {
        if (result is CommandResult.Txn txn)
            return new CommandResult.Txn(txn.Succeeded, [.. txn.Results.Select(inner => Stamp(inner, revision))]) { Revision = revision };
        return result.Revision == revision ? result : result with { Revision = revision };
    }

    private bool Holds(Compare compare)
    {
        if (compare.Keys.IsSingle)
            return Holds(compare, Store.Get(compare.Keys.Key.Span));
        Store.Range(new RangeQuery(compare.Keys), out var found);
        return found.Count == 0 ? Holds(compare, kv: null) : found.Kvs.All(kv => Holds(compare, kv));
    }

    private static bool Holds(Compare compare, KeyValue? kv)
    {
        // No value is not the empty value: nothing can be said of it, not even that it differs.
        if (kv is null && compare.Target == CompareTarget.Value)
            return false;
        var order = compare.Target switch
        {
            CompareTarget.Version => (kv?.Version ?? 0).CompareTo(compare.Number),
            CompareTarget.Create => (kv?.CreateRevision.Value ?? 0).CompareTo(compare.Number),
            CompareTarget.Mod => (kv?.ModRevision.Value ?? 0).CompareTo(compare.Number),
            CompareTarget.Lease => (kv?.Lease.Value ?? 0).CompareTo(compare.Number),
            CompareTarget.Value => kv!.Value.Span.SequenceCompareTo(compare.Value.Span),
            _ => throw new System.Diagnostics.UnreachableException(),
        };
        return compare.Relation switch
        {
            CompareRelation.Equal => order == 0,
            CompareRelation.NotEqual => order != 0,
            CompareRelation.Greater => order > 0,
            CompareRelation.Less => order < 0,
            _ => throw new System.Diagnostics.UnreachableException(),
        };
    }
}
