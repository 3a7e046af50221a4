using Conclave.Store.Mvcc;

namespace Conclave.Store;

/// <summary>
/// What can be refused before a command is proposed, whatever the store holds. The server asks here; the <see cref="Applier"/> does not, so that
/// bounds may differ between members and versions without their states doing so.
/// </summary>
public static class CommandGate
{
    /// <summary>The refusal, or <see cref="StoreError.None"/>.</summary>
    public static StoreError Check(Command command, StoreLimits limits) => command switch
    {
        Command.Txn txn => CheckTxn(txn, limits, limits.TxnDepth),
        Command.Op op => CheckOp(op),
        Command.GrantLease grant when grant.Ttl > limits.LeaseTtlMax => StoreError.LeaseTtlTooLarge,
        Command.RevokeLease { Id.Value: 0 } => StoreError.LeaseNotFound,
        _ => StoreError.None,
    };

    /// <summary>The TTL to propose for one that a client asked for, in seconds.</summary>
    public static long RaiseTtl(long asked, StoreLimits limits) => Math.Max(asked, limits.LeaseTtlMin);

    private static StoreError CheckOp(Command.Op op) => op switch
    {
        Command.Range range => RequireKey(range.Query.Keys.Key),
        Command.DeleteRange delete => RequireKey(delete.Keys.Key),
        Command.Put { Key.IsEmpty: true } => StoreError.KeyNotProvided,
        Command.Put { IgnoreValue: true, Value.IsEmpty: false } => StoreError.ValueProvided,
        Command.Put { IgnoreLease: true, Lease.Value: not 0 } => StoreError.LeaseProvided,
        _ => StoreError.None,
    };

    private static StoreError RequireKey(ReadOnlyMemory<byte> key) => key.IsEmpty ? StoreError.KeyNotProvided : StoreError.None;

    private static StoreError CheckTxn(Command.Txn txn, StoreLimits limits, int depthLeft)
    {
        var error = CheckShape(txn, limits, depthLeft);
        return error != StoreError.None ? error : TxnWrites.Check(txn);
    }

    private static StoreError CheckShape(Command.Txn txn, StoreLimits limits, int depthLeft)
    {
        if (depthLeft == 0)
            return StoreError.TxnTooDeep;
        if (txn.Compares.Count > limits.TxnOps || txn.Success.Count > limits.TxnOps || txn.Failure.Count > limits.TxnOps)
            return StoreError.TooManyOps;
        foreach (var compare in txn.Compares)
        {
            if (compare.Keys.Key.IsEmpty)
                return StoreError.KeyNotProvided;
        }

        foreach (var op in txn.Success.Concat(txn.Failure))
        {
            var error = op is Command.Txn nested ? CheckShape(nested, limits, depthLeft - 1) : CheckOp(op);
            if (error != StoreError.None)
                return error;
        }

        return StoreError.None;
    }

    /// <summary>
    /// What one branch may write, whichever way its nested transactions go. Two writes clash when both can happen in one run and a put is among
    /// them on a common key: the order of events within one revision would then matter to watchers.
    /// </summary>
    private sealed class TxnWrites
    {
        private readonly SortedSet<ReadOnlyMemory<byte>> _puts = new(KeyOrder.Instance);
        private readonly List<KeyRange> _deletes = [];

        public static StoreError Check(Command.Txn txn) =>
            Of(txn.Success) is null || Of(txn.Failure) is null ? StoreError.DuplicateKey : StoreError.None;

        /// <summary>Null when writes of this branch clash.</summary>
        private static TxnWrites? Of(IReadOnlyList<Command.Op> ops)
        {
            var all = new TxnWrites();
            foreach (var op in ops)
            {
                var added = true;
                switch (op)
                {
                    case Command.Put put:
                        added = all.TryAddPut(put.Key);
                        break;
                    case Command.DeleteRange delete:
                        added = all.TryAddDelete(delete.Keys);
                        break;
                    case Command.Txn nested:
                        added = Of(nested.Success) is { } success && Of(nested.Failure) is { } failure && all.TryAddEither(success, failure);
                        break;
                }

                if (!added)
                    return null;
            }

            return all;
        }

        private bool TryAddPut(ReadOnlyMemory<byte> key) => !Deletes(key) && _puts.Add(key);

        private bool TryAddDelete(KeyRange keys)
        {
            if (Puts(keys))
                return false;
            _deletes.Add(keys);
            return true;
        }

        /// <summary>Only one of the two runs, so they may clash with each other but not with what is here.</summary>
        private bool TryAddEither(TxnWrites success, TxnWrites failure)
        {
            if (Clashes(success) || Clashes(failure))
                return false;
            _puts.UnionWith(success._puts);
            _puts.UnionWith(failure._puts);
            _deletes.AddRange(success._deletes);
            _deletes.AddRange(failure._deletes);
            return true;
        }

        private bool Clashes(TxnWrites other) =>
            other._puts.Any(key => _puts.Contains(key) || Deletes(key)) || other._deletes.Exists(Puts);

        private bool Deletes(ReadOnlyMemory<byte> key) => _deletes.Exists(range => range.Contains(key.Span));

        private bool Puts(KeyRange range) => _puts.Any(key => range.Contains(key.Span));
    }
}
