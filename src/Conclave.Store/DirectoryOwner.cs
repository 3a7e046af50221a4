using Conclave.Consensus;

namespace Conclave.Store;

/// <summary>The cluster and member whose data directory it is. Stamped on every file, so that a directory mounted at the wrong place is refused.</summary>
public readonly record struct DirectoryOwner(ClusterId Cluster, PeerId Member);

/// <summary>Names a cluster: etcd's 64-bit cluster id.</summary>
public readonly record struct ClusterId(ulong Value)
{
    /// <summary>Lower-case hexadecimal, as etcdctl prints it.</summary>
    public override string ToString() => Value.ToString("x", System.Globalization.CultureInfo.InvariantCulture);
}
