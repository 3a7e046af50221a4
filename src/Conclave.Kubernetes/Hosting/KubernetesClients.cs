namespace Conclave.Kubernetes;

/// <summary>One client for all elections of a host that agree about it. Thread-safe. Elections are disposed before it: they were made from it.</summary>
internal sealed class KubernetesClients : IAsyncDisposable
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

    public async ValueTask DisposeAsync()
    {
        KubernetesClient[] open;
        lock (_gate)
        {
            open = [.. _open.Values];
            _open.Clear();
        }

        foreach (var client in open)
            await client.DisposeAsync().ConfigureAwait(false);
    }
}
