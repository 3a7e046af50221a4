using Conclave.Store;

namespace Conclave.Simulation.World;

/// <summary>The power went in the middle of what the process was doing. Thrown through the replica, which must not catch it.</summary>
internal sealed class PowerLostException : Exception;

/// <summary>
/// One member's disk. It outlives the processes that use it. Flushed bytes and synced names survive everything; of the rest the seed decides. Names
/// change in order (file systems journal them), so a crash keeps a prefix of the changes that were not synced.
/// </summary>
internal sealed class SimulatedDisk(Random random) : IDisk
{
    private readonly SortedDictionary<string, SimulatedFile> _names = new(StringComparer.Ordinal);
    private readonly SortedDictionary<string, SimulatedFile> _durableNames = new(StringComparer.Ordinal);
    private readonly List<Action> _unsynced = [];
    private int? _operationsLeft;
    private int? _flushesLeft;
    private bool _losesPowerInFlush;

    /// <summary>Microseconds that a flush takes, drawn from [min, max].</summary>
    public (long Min, long Max) FlushLatency { get; set; } = (100, 1_000);

    /// <summary>A planted bug: but for the first of each file, flushes report success and write nothing; when the power goes, the end of each file is missing.</summary>
    public bool Lies { get; init; }

    /// <summary>Time that the operations since the last reset took.</summary>
    public long Busy { get; set; }

    public int TornWrites { get; private set; }

    public int FailedFlushes { get; private set; }

    /// <summary>The power will go at the n-th operation from now that changes anything.</summary>
    public void LosePowerAt(int operation) => _operationsLeft = operation;

    /// <summary>The power will go in the middle of the next flush that has several sectors to write. That some of them survive and others do not is likely, not certain.</summary>
    public void LosePowerInFlush() => _losesPowerInFlush = true;

    /// <summary>The n-th flush from now fails with EIO.</summary>
    public void FailFlushAt(int flush) => _flushesLeft = flush;

    /// <summary>Nothing planned happens any more.</summary>
    public void Calm()
    {
        _operationsLeft = null;
        _flushesLeft = null;
        _losesPowerInFlush = false;
    }

    /// <summary>The process has ended; the machine runs on. What it wrote is in the page cache, unless a flush of it had failed.</summary>
    public void ProcessEnded()
    {
        Calm();
        foreach (var file in _names.Values)
        {
            if (random.Next(2) == 0)
                file.Evict();
        }
    }

    public void LosePower()
    {
        Calm();
        var survive = random.Next(_unsynced.Count + 1);
        for (var i = 0; i < survive; i++)
            _unsynced[i]();
        _unsynced.Clear();
        _names.Clear();
        foreach (var (name, file) in _durableNames)
        {
            _names.Add(name, file);
            if (file.LosePower(random, onlyPrefix: Lies))
                TornWrites++;
        }
    }

    public void CreateDirectory(string path)
    {
    }

    public IReadOnlyList<string> List(string directory) =>
        [.. _names.Keys.Where(name => name.StartsWith(directory + "/", StringComparison.Ordinal)).Select(name => name[(directory.Length + 1)..])];

    public IDiskFile Create(string path)
    {
        Operation();
        var file = new SimulatedFile(path);
        _names[path] = file;
        _unsynced.Add(() => _durableNames[path] = file);
        return new Handle(this, file);
    }

    public IDiskFile Open(string path) => _names.TryGetValue(path, out var file) ? new Handle(this, file) : throw new DiskFailedException("open", path, "No such file or directory", 2);

    public void Rename(string from, string to)
    {
        Operation();
        if (!_names.Remove(from, out var file))
            throw new DiskFailedException("rename", from, "No such file or directory", 2);
        _names[to] = file;
        _unsynced.Add(() =>
        {
            _durableNames.Remove(from);
            _durableNames[to] = file;
        });
    }

    public void Delete(string path)
    {
        Operation();
        if (!_names.Remove(path))
            throw new DiskFailedException("unlink", path, "No such file or directory", 2);
        _unsynced.Add(() => _durableNames.Remove(path));
    }

    public void SyncDirectory(string path)
    {
        Operation();
        Flushing(path, file: null);
        foreach (var change in _unsynced)
            change();
        _unsynced.Clear();
    }

    private void Operation()
    {
        if (_operationsLeft is not { } left)
            return;
        if (left <= 1)
        {
            _operationsLeft = null;
            throw new PowerLostException();
        }

        _operationsLeft = left - 1;
    }

    private void Flushing(string path, SimulatedFile? file)
    {
        Busy += random.NextInt64(FlushLatency.Min, FlushLatency.Max + 1);
        if (_losesPowerInFlush && file is { DirtySectors: > 1 })
        {
            _losesPowerInFlush = false;
            throw new PowerLostException();
        }

        if (_flushesLeft is not { } left)
            return;
        _flushesLeft = left - 1;
        if (left > 1)
            return;
        _flushesLeft = null;
        FailedFlushes++;
        file?.FailFlush(random);
        throw new DiskFailedException(file is null ? "fsync" : "fdatasync", path, "Input/output error", 5);
    }

    private sealed class Handle(SimulatedDisk disk, SimulatedFile file) : IDiskFile
    {
        public long Length => file.Length;

        public void Write(long offset, ReadOnlySpan<byte> bytes)
        {
            disk.Operation();
            file.Write(offset, bytes);
        }

        public int Read(long offset, Span<byte> buffer) => file.Read(offset, buffer);

        public bool Allocate(long length)
        {
            disk.Operation();
            file.Allocate(length);
            return true;
        }

        public void Truncate(long length)
        {
            disk.Operation();
            file.Truncate(length);
        }

        public void Flush()
        {
            disk.Operation();
            disk.Flushing(file.Name, file);
            if (!disk.Lies || !file.WasFlushed)
                file.Flush();
        }

        public void Dispose()
        {
        }
    }
}
