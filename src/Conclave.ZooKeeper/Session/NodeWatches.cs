namespace Conclave.ZooKeeper;

/// <summary>
/// Who waits for a change of which node. A watch fires once, and lasts over reconnections: the session sets it again. Thread-safe.
/// </summary>
internal sealed class NodeWatches
{
    private readonly Lock _gate = new();
    private readonly Dictionary<string, List<NodeWatch>> _byPath = new(StringComparer.Ordinal);

    public IReadOnlyList<string> Paths
    {
        get
        {
            lock (_gate)
                return [.. _byPath.Keys];
        }
    }

    /// <summary>Takes a watch in that the server has taken in; one that is disposed already is left out.</summary>
    public void Add(NodeWatch watch)
    {
        lock (_gate)
        {
            if (watch.IsDisposed)
                return;
            if (!_byPath.TryGetValue(watch.Path, out var watches))
                _byPath[watch.Path] = watches = [];
            watches.Add(watch);
        }
    }

    public void Remove(NodeWatch watch)
    {
        lock (_gate)
        {
            watch.IsDisposed = true;
            if (_byPath.TryGetValue(watch.Path, out var watches) && watches.Remove(watch) && watches.Count == 0)
                _byPath.Remove(watch.Path);
        }
    }

    public void Fire(string path)
    {
        List<NodeWatch>? watches;
        lock (_gate)
        {
            if (!_byPath.Remove(path, out watches))
                return;
        }

        foreach (var watch in watches)
            watch.Fire();
    }
}

/// <summary>One wait for the next write or deletion of a node. Disposing stops waiting; the server's own watch stays until it fires.</summary>
internal sealed class NodeWatch(NodeWatches watches, string path) : IDisposable
{
    private readonly TaskCompletionSource _fired = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public string Path { get; } = path;

    /// <summary>Something happened; what, must be read.</summary>
    public Task Fired => _fired.Task;

    /// <summary>Written under the lock of the watches.</summary>
    public bool IsDisposed { get; set; }

    public void Fire() => _fired.TrySetResult();

    public void Dispose() => watches.Remove(this);
}
