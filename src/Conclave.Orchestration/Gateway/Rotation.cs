using System.Collections.Immutable;
using System.Diagnostics;

namespace Conclave.Orchestration.Gateway;

/// <summary>
/// Which instances get requests. Tables come in from outside, verdicts from our own checks; both end here, under one lock, and what
/// requests read is swapped in whole.
/// </summary>
internal sealed class Rotation(GatewayOptions options, RetryBudget budget, Action wakeHealth)
{
    private const int ChangesKept = 64;
    private readonly Lock _gate = new();
    private readonly Queue<GatewayRotationChange> _changes = new(ChangesKept);
    private readonly Dictionary<string, ServicePool> _pools = new(StringComparer.Ordinal);
    private readonly Dictionary<string, (Backend Backend, ServicePool Pool)> _listed = new(StringComparer.Ordinal);
    private readonly List<Backend> _leaving = [];
    private readonly TaskCompletionSource _firstTable = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private RouteTable _routes = RouteTable.Empty;

    public RouteTable Routes => Volatile.Read(ref _routes);

    /// <summary>Until then nothing is known, not even that there is no route.</summary>
    public Task FirstTable => _firstTable.Task;

    public long Version { get; private set; } = -1;

    /// <summary>Every process that may still have requests, those that left the table last.</summary>
    public ImmutableArray<Backend> All { get; private set; } = [];

    /// <summary>Makes a table the current one; false when it is older than that.</summary>
    public bool Apply(GatewayTable table)
    {
        List<Backend> gone = [];
        lock (_gate)
        {
            if (table.Version < Version) return false;
            Version = table.Version;
            HashSet<string> seen = new(StringComparer.Ordinal);
            foreach (var service in table.Services)
            {
                if (!_pools.TryGetValue(service.Name, out var pool)) _pools[service.Name] = pool = new ServicePool(service.Name);
                foreach (var instance in service.Instances.Where(i => seen.Add(i.Id))) List(instance, pool, gone);
            }

            foreach (var id in _listed.Keys.Where(id => !seen.Contains(id)).ToList())
            {
                gone.Add(_listed[id].Backend);
                _listed.Remove(id);
            }

            foreach (var backend in gone) Unlist(backend);
            foreach (var pool in _pools.Values) Refill(pool);
            foreach (var name in _pools.Keys.Except(table.Services.Select(s => s.Name), StringComparer.Ordinal).ToList()) _pools.Remove(name);
            Volatile.Write(ref _routes, new RouteTable(table.Routes.Select(r => (r, PoolOf(r.Service)))));
            Gather();
        }

        _firstTable.TrySetResult();
        foreach (var backend in gone) MoveRequests(backend);
        wakeHealth();
        return true;
    }

    /// <summary>Our own checks, or a report, say that it cannot answer. True when this is news.</summary>
    public bool TakeOut(Backend backend, string why, CutWhy cut)
    {
        bool news;
        lock (_gate)
        {
            news = backend is { OutWhy: null, Removed: false };
            if (news)
            {
                backend.OutWhy = why;
                backend.OutSinceMs = Environment.TickCount64;
                backend.NextProbeMs = 0;
                backend.TakenOut++;
            }

            if (cut != CutWhy.None || news) backend.SetClosed(true);
            if (news) RefillPoolOf(backend);
        }

        if (cut == CutWhy.Moved) MoveRequests(backend);
        if (cut == CutWhy.Silent) backend.Cut(CutWhy.Silent, _ => true);
        wakeHealth();
        return news;
    }

    /// <summary>It answered a probe.</summary>
    public void PutBack(Backend backend)
    {
        lock (_gate)
        {
            if (backend.OutWhy is null || backend.Removed) return;
            backend.OutWhy = null;
            backend.SetClosed(false);
            RefillPoolOf(backend);
        }
    }

    /// <summary>The last arrivals and departures, oldest first.</summary>
    public ImmutableArray<GatewayRotationChange> Changes
    {
        get
        {
            lock (_gate) return [.. _changes];
        }
    }

    public Backend? Find(string id)
    {
        lock (_gate) return _listed.TryGetValue(id, out var found) ? found.Backend : null;
    }

    /// <summary>Lets go of those that left the table once their last request has ended.</summary>
    public void DropEnded()
    {
        if (_leaving.Count == 0) return;
        lock (_gate)
        {
            var ended = _leaving.FindAll(b => b.InFlight == 0 && b.Probe is null);
            if (ended.Count == 0) return;
            foreach (var backend in ended)
            {
                _leaving.Remove(backend);
                backend.Connections.Dispose();
            }

            Gather();
        }
    }

    private void List(GatewayInstance instance, ServicePool pool, List<Backend> gone)
    {
        if (_listed.TryGetValue(instance.Id, out var known))
        {
            var old = known.Backend.Instance;
            if (old.Incarnation == instance.Incarnation && old.Port == instance.Port && string.Equals(old.Host, instance.Host, StringComparison.Ordinal))
            {
                known.Backend.Instance = instance;
                _listed[instance.Id] = (known.Backend, pool);
                return;
            }

            gone.Add(known.Backend);
        }

        _listed[instance.Id] = (new Backend(instance, options), pool);
    }

    private void Unlist(Backend backend)
    {
        backend.Removed = true;
        backend.SetClosed(true);
        _leaving.Add(backend);
    }

    /// <summary>A route to a service that the table lacks gets an empty pool: 503 after the wait, since the service may come.</summary>
    private ServicePool PoolOf(string service) => _pools.TryGetValue(service, out var pool) ? pool : new ServicePool(service);

    private void RefillPoolOf(Backend backend)
    {
        if (_listed.TryGetValue(backend.Id, out var found)) Refill(found.Pool);
    }

    private void Refill(ServicePool pool)
    {
        Backend[] available = [.. _listed.Values.Where(l => l.Pool == pool && l.Backend.InRotation).Select(l => l.Backend)];
        var before = pool.Replace(available);
        foreach (var left in before.Except(available)) Note(left, arrived: false);
        foreach (var came in available.Except(before)) Note(came, arrived: true);
    }

    private void Note(Backend backend, bool arrived)
    {
        if (_changes.Count == ChangesKept) _changes.Dequeue();
        _changes.Enqueue(new GatewayRotationChange(
            backend.Id, backend.Instance.Incarnation, arrived, Stopwatch.GetTimestamp() * (1_000_000_000 / Stopwatch.Frequency)));
    }

    private void Gather() => All = [.. _listed.Values.Select(l => l.Backend), .. _leaving];

    /// <summary>
    /// Gives up the requests that may be repeated and can be paid for. The others keep their chance: the process may still be finishing
    /// them, and if it is dead the kernel has closed their connections.
    /// </summary>
    private void MoveRequests(Backend backend) =>
        backend.Cut(CutWhy.Moved, attempt => attempt is { Idempotent: true, BodyKept: true } && budget.TryTake(Environment.TickCount64));
}
