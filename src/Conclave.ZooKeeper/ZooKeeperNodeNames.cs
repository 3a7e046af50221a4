namespace Conclave.ZooKeeper;

/// <summary>How candidates' nodes are called, and so with whose recipe an election is shared. All candidates of an election need the same.</summary>
public enum ZooKeeperNodeNames
{
    /// <summary><c>&lt;32 hex&gt;__lock__&lt;ten digits&gt;</c>: kazoo's <c>Election</c> and <c>Lock</c>.</summary>
    Kazoo,

    /// <summary><c>_c_&lt;UUID&gt;-latch-&lt;ten digits&gt;</c>: Curator's <c>LeaderLatch</c>.</summary>
    CuratorLeaderLatch,

    /// <summary><c>_c_&lt;UUID&gt;-lock-&lt;ten digits&gt;</c>: Curator's <c>LeaderSelector</c> and <c>InterProcessMutex</c>.</summary>
    CuratorLeaderSelector,
}
