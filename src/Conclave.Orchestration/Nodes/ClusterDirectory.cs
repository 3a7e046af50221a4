using System.Collections.Immutable;
using System.Globalization;
using System.Security.Cryptography;
using System.Text;

namespace Conclave.Orchestration.Nodes;

/// <summary>
/// Where a cluster keeps its things on this host. Sockets are in a directory of mode 0700, since who can write to the store can start commands (DESIGN 5.12); it is below the data
/// directory, or, where that path is too long for a Unix socket (107 bytes), below the temporary directory under a name made of the data directory's.
/// </summary>
public sealed class ClusterDirectory
{
    private const int LongestSocketPath = 107;
    private readonly string _sockets;

    /// <summary>The directory of the cluster whose data is at <paramref name="root"/> (absolute).</summary>
    public ClusterDirectory(string root)
    {
        Root = Path.GetFullPath(root);
        var beside = Path.Combine(Root, "run");
        var longest = Encoding.UTF8.GetByteCount(Path.Combine(beside, "gateway-9999.sock"));
        _sockets = longest <= LongestSocketPath
            ? beside
            : Path.Combine(Path.GetTempPath(), "conclave-" + Environment.UserName + "-" + Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(Root)))[..16]);
    }

    /// <summary>The data directory.</summary>
    public string Root { get; }

    /// <summary>Written by <c>up</c>: what this cluster is, read by everything that joins it.</summary>
    public string SpecFile => Path.Combine(Root, "cluster.json");

    /// <summary>Held by a foreground <c>up</c>.</summary>
    public string UpLock => Path.Combine(Root, "up.lock");

    /// <summary>Exists while the cluster is being taken down: nobody starts anything anew.</summary>
    public string DownMark => Path.Combine(Root, "down");

    /// <summary>A node's own directory.</summary>
    public string Node(string node) => Path.Combine(Root, node);

    /// <summary>Its lock: who holds it is the node.</summary>
    public string NodeLock(string node) => Path.Combine(Node(node), "node.lock");

    /// <summary>Its log.</summary>
    public string NodeLog(string node) => Path.Combine(Node(node), "node.log");

    /// <summary>How often it was started.</summary>
    public string NodeStarts(string node) => Path.Combine(Node(node), "starts");

    /// <summary>Its part of the coordination store.</summary>
    public string NodeStore(string node) => Path.Combine(Node(node), "store");

    /// <summary>What runs on it, one record each.</summary>
    public string NodeInstances(string node) => Path.Combine(Node(node), "instances");

    /// <summary>What happened on it.</summary>
    public string NodeEvents(string node) => Path.Combine(Node(node), "events");

    /// <summary>Its last known assignments, so that it can work without the store.</summary>
    public string NodeAssignments(string node) => Path.Combine(Node(node), "assigned.json");

    /// <summary>Logs of the instances, which move between nodes and so belong to none.</summary>
    public string Logs => Path.Combine(Root, "logs");

    /// <summary>Who has which port.</summary>
    public string Ports => Path.Combine(Root, "ports");

    /// <summary>Its store's client socket.</summary>
    public string ClientSocket(string node) => Path.Combine(_sockets, node + ".sock");

    /// <summary>Its store's peer socket.</summary>
    public string PeerSocket(string node) => Path.Combine(_sockets, node + ".peer");

    /// <summary>Where a gateway hands out the listening sockets when no node is left to.</summary>
    public string GatewayControl(int number) =>
        Path.Combine(_sockets, string.Create(CultureInfo.InvariantCulture, $"gateway-{number}.ctl"));

    /// <summary>Where it answers pings and hands out listening sockets.</summary>
    public string ControlSocket(string node) => Path.Combine(_sockets, node + ".ctl");

    /// <summary>Where a gateway tells how it is. <paramref name="number"/> as in <c>gateway/2</c>.</summary>
    public string GatewaySocket(int number) =>
        Path.Combine(_sockets, string.Create(CultureInfo.InvariantCulture, $"gateway-{number}.sock"));

    /// <summary>The names of a cluster's nodes.</summary>
    public static ImmutableArray<string> NodeNames(int count) =>
        [.. Enumerable.Range(1, count).Select(i => string.Create(CultureInfo.InvariantCulture, $"node-{i}"))];

    /// <summary>The log of an instance.</summary>
    public string InstanceLog(Cluster.InstanceId id) =>
        Path.Combine(Logs, string.Create(CultureInfo.InvariantCulture, $"{id.Service}-{id.Number}.log"));

    /// <summary>Writes <see cref="SpecFile"/> whole or not at all: nodes and commands read it at any time.</summary>
    /// <exception cref="IOException">It cannot be written; what was there stays.</exception>
    public void WriteSpec(Model.ClusterSpec spec) => Processes.AtomicFile.Write(SpecFile, Model.ModelJson.Write(spec));

    /// <summary>Makes what is missing, sockets for this user only.</summary>
    /// <exception cref="IOException">It cannot be made.</exception>
    /// <exception cref="UnauthorizedAccessException">It may not be made.</exception>
    public void Create()
    {
        const UnixFileMode mine = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute;
        Directory.CreateDirectory(Root);
        Directory.CreateDirectory(Logs);
        Directory.CreateDirectory(Ports);
        if (OperatingSystem.IsWindows())
            throw new PlatformNotSupportedException("conclave up needs Linux.");
        Directory.CreateDirectory(_sockets, mine);

        // In the shared temporary directory somebody else may have made it first: chmod fails on what is not ours.
        File.SetUnixFileMode(_sockets, mine);
    }
}
