namespace Conclave.ZooKeeper.Wire;

/// <summary>A request and how its answer is read. The operations are those that an election needs.</summary>
internal abstract record Request<TAnswer>
{
    /// <summary>The protocol's number (<c>ZooDefs.OpCode</c>).</summary>
    public abstract int Operation { get; }

    public abstract void Write(JuteWriter writer);

    public abstract TAnswer Read(ref JuteReader answer);

    /// <summary>For messages.</summary>
    public abstract override string ToString();
}

/// <summary>An answer without content.</summary>
internal readonly record struct Done;

internal readonly record struct Created(string Path, Stat Stat);

internal readonly record struct Content(byte[] Bytes, Stat Stat);

internal readonly record struct ChildList(string[] Names, Stat Parent);

/// <summary>Who may do what with a node that we create.</summary>
internal enum Access
{
    /// <summary>Everybody, everything: for an ensemble that does not authenticate.</summary>
    Open,

    /// <summary>The identity that the connection authenticated as, everything.</summary>
    Creator,
}

internal sealed record CreateRequest(string Path, byte[] Content, Access Access, bool IsCandidate) : Request<Created>
{
    private const int AllPermissions = 31;
    private const int EphemeralSequential = 3;

    /// <summary><c>create2</c>, which answers with the node's stat (since ZooKeeper 3.5).</summary>
    public override int Operation => 15;

    public override void Write(JuteWriter writer)
    {
        writer.WriteString(Path);
        writer.WriteBuffer(Content);
        writer.WriteInt(1);
        writer.WriteInt(AllPermissions);
        writer.WriteString(Access is Access.Open ? "world" : "auth");
        writer.WriteString(Access is Access.Open ? "anyone" : "");
        writer.WriteInt(IsCandidate ? EphemeralSequential : 0);
    }

    public override Created Read(ref JuteReader answer) => new(answer.ReadString(), Stat.Read(ref answer));

    public override string ToString() => $"create {Path}";
}

internal sealed record DeleteRequest(string Path) : Request<Done>
{
    private const int AnyVersion = -1;

    public override int Operation => 2;

    public override void Write(JuteWriter writer)
    {
        writer.WriteString(Path);
        writer.WriteInt(AnyVersion);
    }

    public override Done Read(ref JuteReader answer) => default;

    public override string ToString() => $"delete {Path}";
}

/// <summary>Reads a node and, if asked to, watches it: one event tells that it was written or deleted. A node that is not there is not watched.</summary>
internal sealed record GetDataRequest(string Path, bool Watch) : Request<Content>
{
    public override int Operation => 4;

    public override void Write(JuteWriter writer)
    {
        writer.WriteString(Path);
        writer.WriteBool(Watch);
    }

    public override Content Read(ref JuteReader answer) => new(answer.ReadBuffer(), Stat.Read(ref answer));

    public override string ToString() => $"getData {Path}";
}

internal sealed record GetChildrenRequest(string Path) : Request<ChildList>
{
    /// <summary><c>getChildren2</c>, which answers with the parent's stat.</summary>
    public override int Operation => 12;

    public override void Write(JuteWriter writer)
    {
        writer.WriteString(Path);
        writer.WriteBool(false);
    }

    public override ChildList Read(ref JuteReader answer) => new(answer.ReadStrings(), Stat.Read(ref answer));

    public override string ToString() => $"getChildren {Path}";
}

/// <summary>Brings the server that we are connected to up to where the ensemble's leader is when it hears of this.</summary>
internal sealed record SyncRequest(string Path) : Request<Done>
{
    public override int Operation => 9;

    public override void Write(JuteWriter writer) => writer.WriteString(Path);

    public override Done Read(ref JuteReader answer) => default;

    public override string ToString() => $"sync {Path}";
}

/// <summary>
/// Watches nodes again on a new connection. What happened to them after <paramref name="SinceZxid"/> is told at once.
/// </summary>
internal sealed record SetWatchesRequest(long SinceZxid, IReadOnlyCollection<string> Paths) : Request<Done>
{
    public override int Operation => 101;

    public override void Write(JuteWriter writer)
    {
        writer.WriteLong(SinceZxid);
        writer.WriteStrings(Paths);
        writer.WriteStrings([]); // of nodes that do not exist
        writer.WriteStrings([]); // of children
    }

    public override Done Read(ref JuteReader answer) => default;

    public override string ToString() => $"setWatches ({Paths.Count})";
}

/// <summary>Watches a node and all below it until the connection ends: every creation, deletion and write is told (since ZooKeeper 3.6).</summary>
internal sealed record AddWatchRequest(string Path) : Request<Done>
{
    private const int PersistentRecursive = 1;

    public override int Operation => 106;

    public override void Write(JuteWriter writer)
    {
        writer.WriteString(Path);
        writer.WriteInt(PersistentRecursive);
    }

    public override Done Read(ref JuteReader answer) => default;

    public override string ToString() => $"addWatch {Path}";
}

internal sealed record RemoveWatchesRequest(string Path) : Request<Done>
{
    private const int AnyKind = 3;

    public override int Operation => 18;

    public override void Write(JuteWriter writer)
    {
        writer.WriteString(Path);
        writer.WriteInt(AnyKind);
    }

    public override Done Read(ref JuteReader answer) => default;

    public override string ToString() => $"removeWatches {Path}";
}

/// <summary>Says who we are, by scheme <c>digest</c>. A server takes any name and password; what they are good for shows when a node is acted upon.</summary>
internal sealed record AuthenticateRequest(byte[] NameAndPassword) : Request<Done>
{
    public override int Operation => 100;

    public override void Write(JuteWriter writer)
    {
        writer.WriteInt(0);
        writer.WriteString("digest");
        writer.WriteBuffer(NameAndPassword);
    }

    public override Done Read(ref JuteReader answer) => default;

    public override string ToString() => "authenticate by digest";
}

/// <summary>Ends the session; its ephemeral nodes go with it.</summary>
internal sealed record CloseSessionRequest : Request<Done>
{
    public override int Operation => -11;

    public override void Write(JuteWriter writer) { }

    public override Done Read(ref JuteReader answer) => default;

    public override string ToString() => "close the session";
}
