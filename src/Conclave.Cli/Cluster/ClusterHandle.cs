using System.Collections.Immutable;
using Conclave.Orchestration;
using Conclave.Orchestration.Cluster;
using Conclave.Orchestration.Model;
using Conclave.Orchestration.Nodes;
using Conclave.Orchestration.Processes;
using Conclave.Wire.Etcd;

namespace Conclave.Cli.Cluster;

/// <summary>A cluster on this host, running or not: its directory, what it was started with, and a way to its store.</summary>
internal sealed class ClusterHandle : IAsyncDisposable
{
    private static readonly TimeSpan PingTimeout = TimeSpan.FromMilliseconds(500);
    private readonly EtcdClient _client;

    private ClusterHandle(ClusterDirectory directory, ClusterSpec spec)
    {
        Directory = directory;
        Spec = spec;
        Nodes = ClusterDirectory.NodeNames(spec.Nodes);
        _client = new EtcdClient(ClientOptions(spec, EndpointsOf(directory, spec)));
        Store = new ClusterStore(_client, new ClusterKeys(spec.Name));
    }

    public ClusterDirectory Directory { get; }

    public ClusterSpec Spec { get; }

    public ImmutableArray<string> Nodes { get; }

    public ClusterStore Store { get; }

    /// <summary>The cluster that was once started in this directory.</summary>
    /// <exception cref="ConclaveException">There never was one, or its format is newer.</exception>
    public static ClusterHandle Open(ClusterLocation location) =>
        TryOpen(location) ?? throw new ConclaveException($"no cluster in {location}; start one with 'conclave up'", ExitCode.NotRunning);

    public static ClusterHandle? TryOpen(ClusterLocation location)
    {
        var directory = new ClusterDirectory(location.DataDirectory);
        if (!File.Exists(directory.SpecFile))
            return null;
        try
        {
            return new ClusterHandle(directory, ModelJson.ReadClusterSpec(File.ReadAllBytes(directory.SpecFile)));
        }
        catch (InvalidDataException unreadable)
        {
            throw new ConclaveException($"{directory.SpecFile}: {unreadable.Message}", ExitCode.Failed, unreadable);
        }
    }

    public static ClusterHandle Of(ClusterSpec spec) => new(new ClusterDirectory(spec.DataDirectory), spec);

    /// <summary>Where the store answers: the nodes' own sockets, or the etcd that the file names.</summary>
    public static ImmutableArray<string> EndpointsOf(ClusterDirectory directory, ClusterSpec spec) =>
        spec.IsEmbedded ? [.. ClusterDirectory.NodeNames(spec.Nodes).Select(n => "unix://" + directory.ClientSocket(n))] : spec.EtcdEndpoints;

    /// <summary>
    /// How a part of the cluster reaches the store. A watch on a member that is stopped goes silent; at etcd's own pace of pings whoever watches there (a new leader, a gateway) would be blind
    /// for 15 s. Our own members take a ping a second, an etcd would hang up on it.
    /// </summary>
    public static EtcdClientOptions ClientOptions(ClusterSpec spec, IReadOnlyList<string> endpoints)
    {
        var options = new EtcdClientOptions { Endpoints = endpoints, RequestTimeout = TimeSpan.FromSeconds(3) };
        return spec.IsEmbedded ? options with { KeepAliveInterval = TimeSpan.FromSeconds(1), KeepAliveTimeout = TimeSpan.FromSeconds(1) } : options;
    }

    /// <summary>Who holds a node's lock and lives.</summary>
    public ProcessIdentity? Holder(string node) =>
        DirectoryLock.ReadHolder(Directory.Node(node)) is { } holder && holder.IsAlive() ? holder : null;

    /// <summary>Every node, asked at the same time.</summary>
    public async Task<IReadOnlyList<NodeSighting>> SightAsync(CancellationToken cancel) =>
        await Task.WhenAll(Nodes.Select(n => SightAsync(n, cancel)));

    /// <summary>What the store says, from whichever member answers; null when none does.</summary>
    public async Task<ClusterView?> TryReadAsync(CancellationToken cancel)
    {
        using var soon = CancellationTokenSource.CreateLinkedTokenSource(cancel);
        soon.CancelAfter(TimeSpan.FromSeconds(1));
        try
        {
            return await Store.ReadAsync(serializable: true, soon.Token);
        }
        catch (EtcdException)
        {
            return null;
        }
        catch (OperationCanceledException) when (!cancel.IsCancellationRequested)
        {
            return null;
        }
    }

    /// <summary>Whether some member knows a leader of the coordination group.</summary>
    public async Task<bool> HasQuorumAsync(IReadOnlyList<NodeSighting> nodes, CancellationToken cancel)
    {
        if (Spec.IsEmbedded)
            return nodes.Any(n => n.Member is { KnowsLeader: true });
        var members = await Task.WhenAll(Spec.EtcdEndpoints.Select(e => AskMemberAsync(e, cancel)));
        return members.Any(m => m is { KnowsLeader: true });
    }

    public async Task<ClusterStatus> StatusAsync(CancellationToken cancel)
    {
        var nodes = await SightAsync(cancel);
        var reachable = !Spec.IsEmbedded || nodes.Any(n => n.Answers);
        var view = reachable ? await TryReadAsync(cancel) : null;
        var quorum = reachable && await HasQuorumAsync(nodes, cancel);
        if (view is not null)
            view = StatusOf.WithoutEnded(view, process => process.IsAlive());
        return StatusOf.Of(Spec, view, quorum, nodes, nodes.Any(n => n.Answers) ? [] : Survivors.Of(Directory, Nodes));
    }

    public ValueTask DisposeAsync() => _client.DisposeAsync();

    private async Task<NodeSighting> SightAsync(string node, CancellationToken cancel)
    {
        if (Holder(node) is not { } holder)
            return new NodeSighting(node, null, Answers: false);
        await using var control = new ControlClient(Directory.ControlSocket(node));
        var answers = await control.PingAsync(PingTimeout, cancel) == holder.Pid;
        return new NodeSighting(node, holder.Pid, answers, answers && Spec.IsEmbedded ? await AskMemberAsync("unix://" + Directory.ClientSocket(node), cancel) : null);
    }

    private async Task<MemberSighting?> AskMemberAsync(string endpoint, CancellationToken cancel)
    {
        using var soon = CancellationTokenSource.CreateLinkedTokenSource(cancel);
        soon.CancelAfter(TimeSpan.FromSeconds(1));
        try
        {
            var status = await _client.StatusAsync(endpoint, soon.Token);
            return new MemberSighting(status.RaftTerm, status.Leader != 0, status.Leader != 0 && status.Leader == status.Header.MemberId);
        }
        catch (EtcdException)
        {
            return null;
        }
        catch (OperationCanceledException) when (!cancel.IsCancellationRequested)
        {
            return null;
        }
    }
}
