using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using Conclave.Orchestration.Model;
using Conclave.Orchestration.Processes;

namespace Conclave.Orchestration.Supervision;

/// <summary>One answer to a probe. A closed set.</summary>
public abstract record ProbeResult
{
    private ProbeResult() { }

    /// <summary>True only for <see cref="Succeeded"/>.</summary>
    public bool IsSuccess => this is Succeeded;

    /// <summary>It said yes.</summary>
    public sealed record Succeeded(TimeSpan Took) : ProbeResult;

    /// <summary>It said no, or could not be asked. One line says why.</summary>
    public sealed record Failed(string Why) : ProbeResult;

    /// <summary>It said nothing in time: overloaded, hung or stopped.</summary>
    public sealed record TimedOut(TimeSpan After) : ProbeResult;
}

/// <summary>
/// Asks instances on this host: HTTP GET (pooled connections, no proxy, no redirect followed), TCP connect, or a command. Decides nothing. Thread-safe.
/// </summary>
public sealed class Prober : IDisposable
{
    private const int MaxBodyRead = 64 * 1024;
    private readonly HttpClient _http;

    /// <summary>One for all probes of a node.</summary>
    public Prober()
    {
        var handler = new SocketsHttpHandler
        {
            UseProxy = false,
            AllowAutoRedirect = false,
            UseCookies = false,
            MaxConnectionsPerServer = 4,
            MaxResponseDrainSize = MaxBodyRead,
            PooledConnectionIdleTimeout = TimeSpan.FromSeconds(30),
            ActivityHeadersPropagator = null,
        };
        _http = new HttpClient(handler) { Timeout = Timeout.InfiniteTimeSpan };
        _http.DefaultRequestHeaders.UserAgent.ParseAdd("conclave-probe/1");
    }

    /// <summary>Asks once and answers within <see cref="ProbeSpec.Timeout"/>, whatever the instance does.</summary>
    /// <param name="spec">Its command already filled in (<see cref="CommandLine.Resolve(System.Collections.Immutable.ImmutableArray{string}, InstanceIdentity)"/>).</param>
    /// <param name="port">The instance's own port, on 127.0.0.1, unless the probe names another.</param>
    /// <param name="directory">Working directory of a command.</param>
    /// <param name="stopping">Ends the question without an answer.</param>
    public async Task<ProbeResult> ProbeAsync(ProbeSpec spec, int port, string? directory, CancellationToken stopping)
    {
        var started = Stopwatch.GetTimestamp();
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(stopping);
        limit.CancelAfter(spec.Timeout);
        try
        {
            var why = spec.Kind switch
            {
                ProbeKind.Http => await GetAsync(spec.Port ?? port, spec.Path, limit.Token),
                ProbeKind.Tcp => await ConnectAsync(spec.Port ?? port, limit.Token),
                ProbeKind.Command => await RunAsync(spec.Command, directory, limit.Token),
                _ => throw new UnreachableException(),
            };
            return why is null ? new ProbeResult.Succeeded(Stopwatch.GetElapsedTime(started)) : new ProbeResult.Failed(why);
        }
        catch (OperationCanceledException) when (!stopping.IsCancellationRequested)
        {
            return new ProbeResult.TimedOut(spec.Timeout);
        }
    }

    /// <summary>Closes the pooled connections.</summary>
    public void Dispose() => _http.Dispose();

    private async Task<string?> GetAsync(int port, string path, CancellationToken limit)
    {
        try
        {
            var uri = new Uri(string.Create(CultureInfo.InvariantCulture, $"http://127.0.0.1:{port}{(path.StartsWith('/') ? "" : "/")}{path}"));
            using var response = await _http.GetAsync(uri, HttpCompletionOption.ResponseHeadersRead, limit);
            var status = (int)response.StatusCode;
            return status is >= 200 and < 400 ? null : string.Create(CultureInfo.InvariantCulture, $"HTTP status {status}");
        }
        catch (HttpRequestException e)
        {
            return e.InnerException is SocketException { SocketErrorCode: SocketError.ConnectionRefused } ? "connection refused" : e.Message;
        }
    }

    private static async Task<string?> ConnectAsync(int port, CancellationToken limit)
    {
        using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        try
        {
            await socket.ConnectAsync(new IPEndPoint(IPAddress.Loopback, port), limit);
            return null;
        }
        catch (SocketException e)
        {
            return e.SocketErrorCode is SocketError.ConnectionRefused ? "connection refused" : e.Message;
        }
    }

    private static async Task<string?> RunAsync(IReadOnlyList<string> command, string? directory, CancellationToken limit)
    {
        if (command.Count == 0)
            return "the probe's command is empty";
        try
        {
            using var process = ProcessSpawner.Spawn(new ProcessSpec { FileName = command[0], Arguments = [.. command.Skip(1)], Directory = directory });
            try
            {
                var exit = await process.Exited.WaitAsync(limit);
                return exit.IsSuccess ? null : exit.ToString();
            }
            catch (OperationCanceledException)
            {
                // A probe that hangs must not pile up; SIGKILL does not wait, and its end is seen within milliseconds.
                _ = await process.KillAsync(CancellationToken.None);
                throw;
            }
        }
        catch (ProcessStartException e)
        {
            return e.Message;
        }
    }
}
