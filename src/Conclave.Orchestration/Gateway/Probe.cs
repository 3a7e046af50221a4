using System.Buffers.Text;
using System.Net.Sockets;
using System.Text;

namespace Conclave.Orchestration.Gateway;

/// <summary>What an instance had to say to a probe.</summary>
internal enum ProbeAnswer
{
    /// <summary>It answered and may have requests.</summary>
    Ready,

    /// <summary>It acted, so its process runs, but its answer was not a success.</summary>
    NotReady,

    /// <summary>Nobody listens there.</summary>
    Refused,

    /// <summary>Nothing within the timeout.</summary>
    None,
}

/// <summary>
/// Asks an instance for a sign of life on a connection of its own. A connect proves nothing (the kernel accepts for a stopped process
/// too), so it always takes bytes: the ready path if there is one, else OPTIONS * where any answer will do.
/// </summary>
internal static class Probe
{
    public static async Task<ProbeAnswer> AskAsync(GatewayInstance instance, TimeSpan timeout, CancellationToken stopping)
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(stopping);
        limit.CancelAfter(timeout);
        using var socket = new Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        try
        {
            await InstanceConnections.ConnectAsync(socket, instance, limit.Token);
            var line = instance.ReadyPath is { } path ? $"GET {path}" : "OPTIONS *";
            var request = Encoding.ASCII.GetBytes($"{line} HTTP/1.1\r\nHost: {instance.Host}:{instance.Port}\r\nUser-Agent: conclave-gateway\r\nConnection: close\r\n\r\n");
            for (var sent = 0; sent < request.Length;) sent += await socket.SendAsync(request.AsMemory(sent), SocketFlags.None, limit.Token);
            var head = new byte[64];
            var read = 0;
            while (read < StatusEnd)
            {
                var more = await socket.ReceiveAsync(head.AsMemory(read), SocketFlags.None, limit.Token);
                if (more == 0) return ProbeAnswer.NotReady;
                read += more;
            }

            if (instance.ReadyPath is null) return ProbeAnswer.Ready;
            return IsSuccess(head) ? ProbeAnswer.Ready : ProbeAnswer.NotReady;
        }
        catch (OperationCanceledException)
        {
            return ProbeAnswer.None;
        }
        catch (SocketException e)
        {
            return e.SocketErrorCode is SocketError.TimedOut ? ProbeAnswer.None : ProbeAnswer.Refused;
        }
    }

    /// <summary>The end of the three digits in "HTTP/1.1 200".</summary>
    private const int StatusEnd = 12;

    private static bool IsSuccess(ReadOnlySpan<byte> head) =>
        Utf8Parser.TryParse(head[(StatusEnd - 3)..StatusEnd], out int status, out _) && status is >= 200 and < 400;
}
