namespace Conclave.Store;

/// <summary>Why the store refuses. A refusal is a part of the protocol, so a value; the server maps each to etcd's status and text.</summary>
public enum StoreError
{
    /// <summary>Not refused.</summary>
    None = 0,

    /// <summary>The revision asked for lies below the last compaction; for a compaction also: at it.</summary>
    Compacted,

    /// <summary>The revision asked for has not happened yet.</summary>
    FutureRevision,

    /// <summary>An empty key.</summary>
    KeyNotProvided,

    /// <summary>A put that shall keep the old value brings one.</summary>
    ValueProvided,

    /// <summary>A put that shall keep the old lease brings one.</summary>
    LeaseProvided,

    /// <summary>A put that shall keep the old value or lease finds no key.</summary>
    KeyNotFound,

    /// <summary>No such lease (any more).</summary>
    LeaseNotFound,

    /// <summary>A grant with an id that is in use.</summary>
    LeaseExists,

    /// <summary>A TTL above <see cref="StoreLimits.LeaseTtlMax"/>.</summary>
    LeaseTtlTooLarge,

    /// <summary>Two writes of one transaction meet on a key.</summary>
    DuplicateKey,

    /// <summary>More than <see cref="StoreLimits.TxnOps"/> compares or operations in one branch.</summary>
    TooManyOps,

    /// <summary>Transactions nested deeper than <see cref="StoreLimits.TxnDepth"/>.</summary>
    TxnTooDeep,
}
