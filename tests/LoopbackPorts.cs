using System.Net;
using System.Net.Sockets;

namespace Conclave;

/// <summary>
/// Ports of 127.0.0.1 for servers that tests start, each given once. From below what <c>up</c> gives to instances (20000 to 29999) and what the kernel gives to outgoing connections: a port
/// that the kernel chose may be a connection's by the time the server binds it, and a server that is started again would find it taken by somebody who calls it.
/// </summary>
internal static class LoopbackPorts
{
    private const int First = 10_000;
    private const int Last = 19_999;
    private static readonly HashSet<int> Given = [];

    public static int Free() => Free(1)[0];

    public static int[] Free(int count)
    {
        var ports = new List<int>();
        while (ports.Count < count)
        {
            var port = Random.Shared.Next(First, Last + 1);
            if (IsFree(port) && TryGive(port))
                ports.Add(port);
        }

        return [.. ports];
    }

    private static bool IsFree(int port)
    {
        using var listener = new TcpListener(IPAddress.Loopback, port);
        try
        {
            listener.Start();
            return true;
        }
        catch (SocketException)
        {
            return false;
        }
    }

    private static bool TryGive(int port)
    {
        lock (Given)
            return Given.Add(port);
    }
}
