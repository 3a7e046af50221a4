using Conclave.Wire.Etcd;

namespace Conclave.Etcd;

/// <summary>One client and one session for all elections of a host that agree about endpoints and lease. Thread-safe. Elections are disposed before it: they were made from it.</summary>
internal sealed class EtcdSessions : IAsyncDisposable, IDisposable
{
    private readonly Lock _gate = new();
    private readonly Dictionary<Terms, (EtcdClient Client, EtcdSession Session)> _open = [];

    public int Count
    {
        get
        {
            lock (_gate)
                return _open.Count;
        }
    }

    public EtcdSession For(EtcdBackendOptions options, LeaseOptions lease)
    {
        var session = new EtcdSessionOptions { Lease = lease, WithdrawTimeout = options.WithdrawTimeout, TryTimeout = options.TryTimeout };
        var server = options.ClientOptions(lease);
        var terms = new Terms(string.Join(',', options.Endpoints), server with { Endpoints = [] }, session);
        lock (_gate)
        {
            if (_open.TryGetValue(terms, out var open))
                return open.Session;
            var client = new EtcdClient(server);
            var made = (Client: client, Session: new EtcdSession(client, session));
            _open.Add(terms, made);
            return made.Session;
        }
    }

    /// <summary>For a container that is disposed synchronously: begins what <see cref="DisposeAsync"/> does, by which every lease is revoked, and waits for no answer.</summary>
    public void Dispose() => _ = Task.Run(() => DisposeAsync().AsTask());

    public async ValueTask DisposeAsync()
    {
        (EtcdClient Client, EtcdSession Session)[] open;
        lock (_gate)
        {
            open = [.. _open.Values];
            _open.Clear();
        }

        foreach (var (client, session) in open)
        {
            await session.DisposeAsync().ConfigureAwait(false);
            await client.DisposeAsync().ConfigureAwait(false);
        }
    }

    /// <summary>Equal by their values; <paramref name="Server"/> is therefore without its endpoints, which are a list.</summary>
    private sealed record Terms(string Endpoints, EtcdClientOptions Server, EtcdSessionOptions Session);
}
