namespace Conclave.Store.Mvcc;

/// <summary>
/// The keys in byte order. Narrow on purpose: a later issue puts a copy-on-write tree outside the managed heap behind it, and the tests a plain
/// sorted dictionary.
/// </summary>
internal interface IKeyIndex
{
    int Count { get; }

    KeyHistory? Find(ReadOnlySpan<byte> key);

    /// <summary>The key's history, a new empty one if there is none. The key's bytes are copied then.</summary>
    KeyHistory FindOrAdd(ReadOnlySpan<byte> key);

    void Remove(ReadOnlySpan<byte> key);

    /// <summary>Ascending from the first key that is not less than <paramref name="start"/>. Adding or removing keys ends the walk's validity.</summary>
    IEnumerable<KeyHistory> From(ReadOnlyMemory<byte> start);
}
