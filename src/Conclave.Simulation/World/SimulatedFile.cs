namespace Conclave.Simulation.World;

/// <summary>
/// One file in two states: what programs see (the page cache) and what the platter holds. In sectors: those written since the last flush are
/// dirty; those that a failed flush took for clean without writing them are abandoned, as Linux does it.
/// </summary>
internal sealed class SimulatedFile(string name)
{
    public const int SectorBytes = 512;

    private readonly SortedSet<int> _dirty = [];
    private readonly SortedSet<int> _abandoned = [];
    private byte[] _seen = [];
    private byte[] _kept = [];
    private int _keptLength;

    /// <summary>As it was created; for the trace.</summary>
    public string Name { get; } = name;

    /// <summary>It has been flushed at least once.</summary>
    public bool WasFlushed { get; private set; }

    public int Length { get; private set; }

    /// <summary>Written since the last flush.</summary>
    public int DirtySectors => _dirty.Count;

    public void Write(long offset, ReadOnlySpan<byte> bytes)
    {
        var end = checked((int)(offset + bytes.Length));
        Grow(ref _seen, end);
        bytes.CopyTo(_seen.AsSpan((int)offset));
        Length = Math.Max(Length, end);
        for (var sector = (int)(offset / SectorBytes); (long)sector * SectorBytes < end; sector++)
        {
            _dirty.Add(sector);
            _abandoned.Remove(sector);
        }
    }

    public int Read(long offset, Span<byte> buffer)
    {
        var count = (int)Math.Clamp(Length - offset, 0, buffer.Length);
        _seen.AsSpan((int)offset, count).CopyTo(buffer);
        return count;
    }

    /// <summary>The length is metadata: a flush keeps it, a power cut may not.</summary>
    public void Allocate(long length)
    {
        Grow(ref _seen, checked((int)length));
        Length = Math.Max(Length, (int)length);
    }

    public void Truncate(long length)
    {
        if (length < Length)
            _seen.AsSpan((int)length, Length - (int)length).Clear();
        Grow(ref _seen, (int)length);
        Length = (int)length;
        _dirty.Add((int)(length / SectorBytes));
    }

    public void Flush()
    {
        foreach (var sector in _dirty)
            Keep(sector);
        _dirty.Clear();
        _keptLength = Length;
        WasFlushed = true;
    }

    /// <summary>Some dirty sectors are written, the others are not and count as clean from now on.</summary>
    public void FailFlush(Random random)
    {
        foreach (var sector in _dirty)
        {
            if (random.Next(2) == 0)
                Keep(sector);
            else
                _abandoned.Add(sector);
        }

        _dirty.Clear();
        if (_abandoned.Count == 0 || random.Next(2) == 0)
            _keptLength = Length;
    }

    /// <summary>The cache drops abandoned pages; whoever reads on sees what the platter holds.</summary>
    public void Evict()
    {
        foreach (var sector in _abandoned)
        {
            var at = sector * SectorBytes;
            Grow(ref _kept, at + SectorBytes);
            Grow(ref _seen, at + SectorBytes);
            _kept.AsSpan(at, SectorBytes).CopyTo(_seen.AsSpan(at));
        }

        _abandoned.Clear();
    }

    /// <summary>The power goes: of what was not flushed an arbitrary part survives. True: the file's unflushed bytes were torn.</summary>
    public bool LosePower(Random random, bool onlyPrefix = false)
    {
        var kept = 0;
        var lost = 0;
        var mode = onlyPrefix ? 0 : random.Next(4);
        var prefix = random.Next(_dirty.Count + 1);
        var survivedTo = 0;
        foreach (var sector in _dirty)
        {
            var survives = mode switch
            {
                0 => kept + lost < prefix,
                1 => true,
                _ => random.Next(2) == 0,
            };
            if (survives)
            {
                Keep(sector);
                kept++;
                survivedTo = Math.Min(Length, (sector + 1) * SectorBytes);
            }
            else
            {
                lost++;
                if (random.Next(4) == 0)
                    LeaveOldBytes(sector, random);
            }
        }

        _dirty.Clear();
        _abandoned.Clear();
        _keptLength = random.Next(2) == 0 ? Length : Math.Max(survivedTo, Math.Min(_keptLength, Length));
        Grow(ref _kept, _keptLength);
        _kept.AsSpan(_keptLength).Clear();
        _seen = _kept.ToArray();
        Length = _keptLength;
        return kept > 0 && lost > 0;
    }

    /// <summary>A block that was given to the file and not written holds what somebody left there; never where the file had flushed bytes.</summary>
    private void LeaveOldBytes(int sector, Random random)
    {
        var from = Math.Max(sector * SectorBytes, _keptLength);
        var to = (sector + 1) * SectorBytes;
        if (from >= to)
            return;
        Grow(ref _kept, to);
        random.NextBytes(_kept.AsSpan(from, to - from));
    }

    private void Keep(int sector)
    {
        var from = sector * SectorBytes;
        var to = from + SectorBytes;
        Grow(ref _seen, to);
        Grow(ref _kept, to);
        _seen.AsSpan(from, SectorBytes).CopyTo(_kept.AsSpan(from));
    }

    private static void Grow(ref byte[] bytes, int length)
    {
        if (length > bytes.Length)
            Array.Resize(ref bytes, Math.Max(length, bytes.Length * 2));
    }
}
