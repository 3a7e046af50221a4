namespace Conclave.ZooKeeper.Wire;

/// <summary>What happened to a node that is watched. Numbers are the protocol's.</summary>
internal enum NodeChange
{
    Created = 1,
    Deleted = 2,
    Written = 3,
}

/// <summary>A server's message about a watched node. It comes in order with the answers: before each answer that shows what it tells of.</summary>
internal readonly record struct NodeEvent(NodeChange Change, string Path)
{
    public static NodeEvent Read(ref JuteReader reader)
    {
        var change = (NodeChange)reader.ReadInt();
        reader.ReadInt(); // the state of the session, which we know better
        return new NodeEvent(change, reader.ReadString());
    }
}
