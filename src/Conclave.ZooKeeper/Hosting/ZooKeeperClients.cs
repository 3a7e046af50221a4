namespace Conclave.ZooKeeper;

/// <summary>One client for all elections of a host that agree about servers and session. Thread-safe. Elections are disposed before it: they were made from it.</summary>
internal sealed class ZooKeeperClients : IAsyncDisposable, IDisposable
{
    private readonly Lock _gate = new();
    private readonly Dictionary<(string Servers, ZooKeeperClientOptions Terms), ZooKeeperClient> _open = [];

    public int Count
    {
        get
        {
            lock (_gate)
                return _open.Count;
        }
    }

    public ZooKeeperClient For(ZooKeeperClientOptions options)
    {
        // Records compare lists by reference, so the servers are compared as text.
        var terms = (string.Join(',', options.Servers), options with { Servers = [] });
        lock (_gate)
        {
            if (!_open.TryGetValue(terms, out var client))
                _open.Add(terms, client = new ZooKeeperClient(options));
            return client;
        }
    }

    /// <summary>For a container that is disposed synchronously: begins what <see cref="DisposeAsync"/> does, by which every session is closed, and waits for no answer.</summary>
    public void Dispose() => _ = Task.Run(() => DisposeAsync().AsTask());

    public async ValueTask DisposeAsync()
    {
        ZooKeeperClient[] open;
        lock (_gate)
        {
            open = [.. _open.Values];
            _open.Clear();
        }

        foreach (var client in open)
            await client.DisposeAsync().ConfigureAwait(false);
    }
}
