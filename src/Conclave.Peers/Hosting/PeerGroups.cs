using Microsoft.Extensions.Logging;

namespace Conclave.Peers;

/// <summary>One member for all elections of a host with the same directory. Thread-safe. Elections are disposed before it: they were made from it.</summary>
internal sealed class PeerGroups(ILoggerFactory? loggers) : IAsyncDisposable, IDisposable
{
    private readonly Lock _gate = new();
    private readonly Dictionary<string, PeerGroup> _groups = new(StringComparer.Ordinal);

    public IReadOnlyList<PeerGroup> All
    {
        get
        {
            lock (_gate)
                return [.. _groups.Values];
        }
    }

    /// <summary>Made here, started by <see cref="PeerGroupService"/>.</summary>
    public PeerGroup For(PeerGroupOptions options)
    {
        var directory = Path.GetFullPath(options.Directory);
        lock (_gate)
        {
            if (!_groups.TryGetValue(directory, out var group))
                _groups.Add(directory, group = new PeerGroup(options, loggers));
            return group;
        }
    }

    /// <summary>For a container that is disposed synchronously: begins what <see cref="DisposeAsync"/> does, by which candidacies are withdrawn and members stopped, and waits for no answer.</summary>
    public void Dispose() => _ = Task.Run(() => DisposeAsync().AsTask());

    public async ValueTask DisposeAsync()
    {
        foreach (var group in All)
            await group.DisposeAsync().ConfigureAwait(false);
    }
}
