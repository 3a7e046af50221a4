namespace Conclave.Kubernetes;

/// <summary>One client for all elections of a host that agree about it. Thread-safe. Elections are disposed before it: they were made from it.</summary>
internal sealed class KubernetesClients : IAsyncDisposable, IDisposable
{
    private readonly Lock _gate = new();
    private readonly Dictionary<KubernetesClientOptions, KubernetesClient> _open = [];

    public int Count
    {
        get
        {
            lock (_gate)
                return _open.Count;
        }
    }

    public KubernetesClient For(KubernetesClientOptions options)
    {
        lock (_gate)
        {
            if (!_open.TryGetValue(options, out var client))
                _open.Add(options, client = new KubernetesClient(options));
            return client;
        }
    }

    /// <summary>For a container that is disposed synchronously and waits for nothing: its elections release their Leases in the background, and the clients end after them.</summary>
    public void Dispose()
    {
        foreach (var client in Taken())
            _ = client.DisposeAfterElectionsAsync();
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var client in Taken())
            await client.DisposeAsync().ConfigureAwait(false);
    }

    private KubernetesClient[] Taken()
    {
        lock (_gate)
        {
            KubernetesClient[] open = [.. _open.Values];
            _open.Clear();
            return open;
        }
    }
}
