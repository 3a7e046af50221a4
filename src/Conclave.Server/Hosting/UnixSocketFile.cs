using System.Net.Sockets;

namespace Conclave.Server.Hosting;

/// <summary>The file of a Unix socket: nobody but this user may reach it, and one that a dead process left does not stand in the way.</summary>
internal static class UnixSocketFile
{
    private const UnixFileMode OwnerOnlyDirectory = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute;

    /// <summary>Makes room for a new socket. A directory that exists keeps its mode: it may be shared on purpose, and the socket has its own.</summary>
    /// <exception cref="IOException">Somebody listens there, or the path is taken by something else than a socket.</exception>
    public static void Prepare(string path)
    {
        var directory = Path.GetDirectoryName(path)!;
        if (!Directory.Exists(directory) && !OperatingSystem.IsWindows()) Directory.CreateDirectory(directory, OwnerOnlyDirectory);
        if (!File.Exists(path)) return;

        if (!IsSocket(path)) throw new IOException($"{path} exists and is not a socket");
        if (IsListening(path)) throw new IOException($"the socket {path} is in use by another process");
        File.Delete(path);
    }

    public static void Restrict(string path)
    {
        if (!OperatingSystem.IsWindows()) File.SetUnixFileMode(path, UnixFileMode.UserRead | UnixFileMode.UserWrite);
    }

    private static bool IsSocket(string path)
    {
        try
        {
            using var file = File.OpenHandle(path);
            return false;
        }
        catch (IOException)
        {
            // Linux does not open sockets: ENXIO.
            return true;
        }
    }

    private static bool IsListening(string path)
    {
        using var probe = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        try
        {
            probe.Connect(new UnixDomainSocketEndPoint(path));
            return true;
        }
        catch (SocketException e) when (e.SocketErrorCode == SocketError.ConnectionRefused)
        {
            return false;
        }
    }
}
