namespace Conclave.Store.Mvcc;

/// <summary>
/// Which keys are meant, in etcd's notation: an empty <paramref name="End"/> means <paramref name="Key"/> alone, an end of one zero byte means
/// every key from <paramref name="Key"/> on, anything else is exclusive. Equal when the bytes are.
/// </summary>
public readonly record struct KeyRange(ReadOnlyMemory<byte> Key, ReadOnlyMemory<byte> End)
{
    private static readonly byte[] Zero = [0];

    /// <summary>Every key.</summary>
    public static KeyRange All => new(Zero, Zero);

    /// <summary>One key.</summary>
    public static KeyRange One(ReadOnlyMemory<byte> key) => new(key, default);

    /// <summary>Every key that starts with <paramref name="prefix"/>.</summary>
    public static KeyRange Prefix(ReadOnlyMemory<byte> prefix)
    {
        var end = prefix.ToArray();
        for (var i = end.Length - 1; i >= 0; i--)
        {
            if (end[i] == 0xff)
                continue;
            end[i]++;
            return new KeyRange(prefix, end.AsMemory(0, i + 1));
        }

        return new KeyRange(prefix.IsEmpty ? Zero : prefix, Zero);
    }

    /// <summary>One key, not a range.</summary>
    public bool IsSingle => End.IsEmpty;

    /// <summary>No upper bound.</summary>
    public bool IsUnbounded => End.Length == 1 && End.Span[0] == 0;

    /// <summary>Whether <paramref name="key"/> is meant.</summary>
    public bool Contains(ReadOnlySpan<byte> key) =>
        IsSingle ? key.SequenceEqual(Key.Span) : key.SequenceCompareTo(Key.Span) >= 0 && !EndsBefore(key);

    /// <summary>Whether a range (not a single key) ends at or before <paramref name="key"/>.</summary>
    internal bool EndsBefore(ReadOnlySpan<byte> key) => !IsUnbounded && key.SequenceCompareTo(End.Span) >= 0;

    /// <inheritdoc/>
    public bool Equals(KeyRange other) => Key.Span.SequenceEqual(other.Key.Span) && End.Span.SequenceEqual(other.End.Span);

    /// <inheritdoc/>
    public override int GetHashCode()
    {
        var hash = new HashCode();
        hash.AddBytes(Key.Span);
        hash.AddBytes(End.Span);
        return hash.ToHashCode();
    }
}
