namespace Conclave.ZooKeeper.Wire;

/// <summary>
/// The first frame from a client: asks for a new session (id 0), or to go on with one that it has. A server that is behind
/// <paramref name="LastZxidSeen"/> closes the connection, so that a client never goes back in time.
/// </summary>
internal sealed record Hello(long LastZxidSeen, TimeSpan Timeout, long SessionId, byte[] Password)
{
    private const int PasswordBytes = 16;

    public static Hello ForNewSession(TimeSpan timeout) => new(0, timeout, 0, new byte[PasswordBytes]);

    public byte[] ToFrame()
    {
        var writer = new JuteWriter();
        writer.WriteInt(0); // protocol version
        writer.WriteLong(LastZxidSeen);
        writer.WriteInt((int)Timeout.TotalMilliseconds);
        writer.WriteLong(SessionId);
        writer.WriteBuffer(Password);
        writer.WriteBool(false); // a server without a majority is of no use to an election
        return writer.ToFrame();
    }
}

/// <summary>The first frame from a server. <paramref name="Timeout"/> is what was negotiated; not above zero when the session that was asked for is gone.</summary>
internal sealed record Welcome(TimeSpan Timeout, long SessionId, byte[] Password)
{
    public bool IsExpired => Timeout <= TimeSpan.Zero;

    public static Welcome Read(ReadOnlySpan<byte> frame)
    {
        var reader = new JuteReader(frame);
        reader.ReadInt(); // protocol version
        var timeout = TimeSpan.FromMilliseconds(reader.ReadInt());
        return new Welcome(timeout, reader.ReadLong(), reader.ReadBuffer());
    }
}
