namespace Conclave.ZooKeeper.Wire;

/// <summary>What a server knows of a node beside its data, as far as elections ask.</summary>
/// <param name="Czxid">The transaction that created it: grows over all nodes of the ensemble.</param>
/// <param name="ChildChanges">How many children were ever created and deleted, added up (<c>cversion</c>).</param>
/// <param name="EphemeralOwner">The session that the node goes with; 0 for a node that stays.</param>
/// <param name="Children">How many there are.</param>
internal readonly record struct Stat(long Czxid, int ChildChanges, long EphemeralOwner, int Children)
{
    /// <summary>
    /// How many children were ever created, which is also the number that the next sequential one gets. A server counts creations and shows
    /// creations + deletions = 2 * creations - children.
    /// </summary>
    public long ChildCreations => unchecked((uint)(ChildChanges + Children)) / 2;

    public static Stat Read(ref JuteReader reader)
    {
        var czxid = reader.ReadLong();
        reader.ReadLong(); // mzxid
        reader.ReadLong(); // ctime
        reader.ReadLong(); // mtime
        reader.ReadInt(); // version
        var childChanges = reader.ReadInt();
        reader.ReadInt(); // aversion
        var owner = reader.ReadLong();
        reader.ReadInt(); // dataLength
        var children = reader.ReadInt();
        reader.ReadLong(); // pzxid
        return new Stat(czxid, childChanges, owner, children);
    }
}
