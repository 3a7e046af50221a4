using System.Net;
using System.Net.Sockets;
using Conclave.Orchestration.Probing;

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

/// <summary>Asks an instance for a sign of life: its ready path if there is one, else OPTIONS * where any answer will do.</summary>
internal static class Probe
{
    public static async Task<ProbeAnswer> AskAsync(GatewayInstance instance, TimeSpan timeout, CancellationToken stopping)
    {
        try
        {
            EndPoint target = IPAddress.TryParse(instance.Host, out var address) ? new IPEndPoint(address, instance.Port) : new DnsEndPoint(instance.Host, instance.Port);
            var request = instance.ReadyPath is { } path ? $"GET {path}" : "OPTIONS *";
            var answer = await HttpProbe.AskAsync(target, $"{instance.Host}:{instance.Port}", request, timeout, stopping);
            return answer switch
            {
                { IsSuccess: true } => ProbeAnswer.Ready,
                { Status: > 0 } when instance.ReadyPath is null => ProbeAnswer.Ready,
                { IsSignOfLife: true } => ProbeAnswer.NotReady,
                { Error: SocketError.TimedOut } => ProbeAnswer.None,
                _ => ProbeAnswer.Refused,
            };
        }
        catch (OperationCanceledException)
        {
            return ProbeAnswer.None;
        }
    }
}
