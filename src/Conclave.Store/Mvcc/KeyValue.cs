namespace Conclave.Store.Mvcc;

/// <summary>One version of a key. Immutable, so that it can be handed to readers and watchers without a copy.</summary>
public sealed class KeyValue(
    ReadOnlyMemory<byte> key, ReadOnlyMemory<byte> value, Revision createRevision, Revision modRevision, long version, LeaseId lease)
{
    /// <summary>The key's bytes.</summary>
    public ReadOnlyMemory<byte> Key { get; } = key;

    /// <summary>The value's bytes; empty in a tombstone.</summary>
    public ReadOnlyMemory<byte> Value { get; } = value;

    /// <summary>When the key last came into being; zero in a tombstone.</summary>
    public Revision CreateRevision { get; } = createRevision;

    /// <summary>When this version was written.</summary>
    public Revision ModRevision { get; } = modRevision;

    /// <summary>1 at creation, one more with every put; zero in a tombstone.</summary>
    public long Version { get; } = version;

    /// <summary>The lease whose end deletes the key.</summary>
    public LeaseId Lease { get; } = lease;

    /// <summary>This version is a deletion: it keeps key and mod revision only.</summary>
    public bool IsTombstone => Version == 0;

    internal static KeyValue Tombstone(ReadOnlyMemory<byte> key, Revision modRevision) => new(key, default, default, modRevision, 0, LeaseId.None);

    internal KeyValue WithoutValue() => new(Key, default, CreateRevision, ModRevision, Version, Lease);
}

/// <summary>A put or a deletion. <paramref name="Previous"/> is the version it replaced, null when there was none or when it is compacted.</summary>
public readonly record struct StoreEvent(KeyValue Kv, KeyValue? Previous)
{
    /// <summary>A deletion rather than a put.</summary>
    public bool IsDelete => Kv.IsTombstone;
}
