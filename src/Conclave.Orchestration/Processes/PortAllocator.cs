using System.Net;
using System.Net.Sockets;

namespace Conclave.Orchestration.Processes;

/// <summary>
/// Chooses ports for instances. A choice is written into the instance's record and kept, so that a restarted instance is found where it was.
/// Not a reservation: another program may still take the port before the instance binds it; then the instance fails and is restarted.
/// </summary>
public sealed class PortAllocator
{
    private readonly int _start;

    /// <param name="seed">Any text; nodes and clusters with different texts begin at different ports, so that those that choose at the same moment seldom meet.</param>
    public PortAllocator(string seed = "")
    {
        // FNV-1a; string.GetHashCode differs from run to run.
        var hash = 2166136261u;
        foreach (var c in seed)
            hash = (hash ^ c) * 16777619u;
        _start = (int)(hash % 1000) * 10;
    }

    /// <summary>Lowest port given out. Default 20000.</summary>
    public int First { get; init; } = 20_000;

    /// <summary>Highest port given out. Default 29999.</summary>
    public int Last { get; init; } = 29_999;

    /// <summary>A port that is in <paramref name="recorded"/> of no other instance and that nobody listens on now.</summary>
    /// <exception cref="ConclaveException">None is left.</exception>
    public int Allocate(IReadOnlySet<int> recorded)
    {
        var count = Last - First + 1;
        for (var i = 0; i < count; i++)
        {
            var port = First + ((_start + i) % count);
            if (!recorded.Contains(port) && IsFree(port))
                return port;
        }

        throw new ConclaveException($"every port from {First} to {Last} is taken; stop something or scale down");
    }

    /// <summary>True when nobody listens on the port, on any address of this host. Found out by listening on it for a moment.</summary>
    public static bool IsFree(int port)
    {
        // A socket on [::] that also takes IPv4 collides with a listener on any address of either family.
        using var probe = Socket.OSSupportsIPv6
            ? new Socket(AddressFamily.InterNetworkV6, SocketType.Stream, ProtocolType.Tcp) { DualMode = true }
            : new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        try
        {
            probe.Bind(new IPEndPoint(Socket.OSSupportsIPv6 ? IPAddress.IPv6Any : IPAddress.Any, port));
            probe.Listen(1);
            return true;
        }
        catch (SocketException e) when (e.SocketErrorCode is SocketError.AddressAlreadyInUse or SocketError.AccessDenied)
        {
            return false;
        }
    }
}
