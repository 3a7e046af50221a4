using Conclave.Store.Mvcc;

namespace Conclave.Store;

/// <summary>What became of a <see cref="Command"/>. The set mirrors it, plus <see cref="Refused"/>.</summary>
public abstract record CommandResult
{
    private CommandResult()
    {
    }

    /// <summary>The store's revision after the command (inside a transaction: after the transaction).</summary>
    public required Revision Revision { get; init; }

    /// <summary>Nothing was changed.</summary>
    public sealed record Refused(StoreError Error) : CommandResult;

    /// <summary>What was read.</summary>
    public sealed record Range(RangeResult Found) : CommandResult;

    /// <summary>Written. The version before it, if that was asked for and there was one.</summary>
    public sealed record Put(KeyValue? Previous) : CommandResult;

    /// <summary>How many keys were deleted; what they held, if that was asked for.</summary>
    public sealed record DeleteRange(long Deleted, IReadOnlyList<KeyValue> Previous) : CommandResult;

    /// <summary>Which branch ran and what each of its operations answered, in order.</summary>
    public sealed record Txn(bool Succeeded, IReadOnlyList<CommandResult> Results) : CommandResult;

    /// <summary>History before the revision is gone.</summary>
    public sealed record Compacted : CommandResult;

    /// <summary>The lease runs. TTL in seconds.</summary>
    public sealed record LeaseGranted(LeaseId Id, long Ttl) : CommandResult;

    /// <summary>The lease and its keys are gone.</summary>
    public sealed record LeaseRevoked(long Deleted) : CommandResult;

    /// <summary>The attributes are known to every member that applied the entry.</summary>
    public sealed record MemberPublished : CommandResult;
}

/// <summary>The outcome of one entry. Only the member named by <see cref="RequestId.Origin"/> has a caller to answer.</summary>
public readonly record struct ApplyResult(RequestId Request, CommandResult Result);
