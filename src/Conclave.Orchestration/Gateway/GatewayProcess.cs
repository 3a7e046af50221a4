using System.Net;
using Microsoft.Extensions.Logging;

namespace Conclave.Orchestration.Gateway;

/// <summary>One gateway: accepts requests and spreads them over the instances of the services they are routed to.</summary>
/// <remarks>Members may be called from any thread.</remarks>
public sealed class GatewayProcess(GatewayOptions options, ILoggerFactory loggers)
{
    private readonly GatewayOptions _options = options;
    private readonly ILoggerFactory _loggers = loggers;

    /// <summary>Completes with the bound addresses, in the order of the options, once requests are accepted; fails when that is not possible.</summary>
    public Task<IReadOnlyList<IPEndPoint>> Serving => throw new NotSupportedException("The behaviour lands with the next commit.");

    /// <summary>
    /// Serves until <paramref name="stopping"/>, then drains: accepts nothing new, lets requests in flight finish within the grace,
    /// closes what is left. Until the first table comes requests wait as they do when all instances are out. The end of
    /// <paramref name="tables"/> is not the end of the gateway: it keeps the last one.
    /// </summary>
    public Task RunAsync(IAsyncEnumerable<GatewayTable> tables, CancellationToken stopping) => throw new NotSupportedException("The behaviour lands with the next commit.");

    /// <summary>
    /// Takes an instance out of rotation at once because its exit was reported; requests that may be sent again move elsewhere. It
    /// comes back when its probe succeeds or a table brings another incarnation. Unknown ids are ignored.
    /// </summary>
    public void Remove(string instanceId, string why) => throw new NotSupportedException("The behaviour lands with the next commit.");

    /// <summary>The numbers at this moment.</summary>
    public GatewayStats Stats() => throw new NotSupportedException("The behaviour lands with the next commit.");
}
