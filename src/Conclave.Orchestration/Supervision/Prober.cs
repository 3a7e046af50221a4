using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using Conclave.Orchestration.Model;
using Conclave.Orchestration.Nodes;
using Conclave.Orchestration.Probing;
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
/// Asks instances on this host: HTTP GET (a connection each time, no proxy, no redirect followed), TCP connect, or a command. Decides nothing. Thread-safe.
/// </summary>
internal static class Prober
{
    /// <summary>Asks once and answers within <see cref="ProbeSpec.Timeout"/>, whatever the instance does.</summary>
    /// <param name="spec">Its command already filled in (<see cref="CommandLine.Resolve(System.Collections.Immutable.ImmutableArray{string}, InstanceIdentity)"/>).</param>
    /// <param name="port">The instance's own port, on 127.0.0.1, unless the probe names another.</param>
    /// <param name="directory">Working directory of a command.</param>
    /// <param name="stopping">Ends the question without an answer.</param>
    public static Task<ProbeResult> ProbeAsync(ProbeSpec spec, int port, string? directory, CancellationToken stopping)
    {
        var target = new IPEndPoint(IPAddress.Loopback, spec.Port ?? port);
        return spec.Kind switch
        {
            ProbeKind.Http => GetAsync(target, target.ToString(), spec, stopping),
            ProbeKind.Tcp => WithinAsync(spec, limit => ConnectAsync(target, limit), stopping),
            ProbeKind.Command => WithinAsync(spec, limit => RunAsync(spec.Command, directory, limit), stopping),
            _ => throw new UnreachableException(),
        };
    }

    /// <summary>
    /// Asks a gateway how it is, on its control socket: its listening port is shared with the others, so a request there says nothing of this one.
    /// </summary>
    public static Task<ProbeResult> ProbeGatewayAsync(ProbeSpec spec, string controlSocket, CancellationToken stopping) =>
        GetAsync(new UnixDomainSocketEndPoint(controlSocket), "gateway", spec, stopping);

    private static async Task<ProbeResult> WithinAsync(ProbeSpec spec, Func<CancellationToken, Task<string?>> ask, CancellationToken stopping)
    {
        var started = Stopwatch.GetTimestamp();
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(stopping);
        limit.CancelAfter(spec.Timeout);
        try
        {
            return await ask(limit.Token) is { } why ? new ProbeResult.Failed(why) : new ProbeResult.Succeeded(Stopwatch.GetElapsedTime(started));
        }
        catch (OperationCanceledException) when (!stopping.IsCancellationRequested)
        {
            return new ProbeResult.TimedOut(spec.Timeout);
        }
    }

    private static async Task<ProbeResult> GetAsync(EndPoint target, string host, ProbeSpec spec, CancellationToken stopping)
    {
        var started = Stopwatch.GetTimestamp();
        var answer = await HttpProbe.AskAsync(target, host, $"GET {(spec.Path.StartsWith('/') ? "" : "/")}{spec.Path}", spec.Timeout, stopping);
        return answer switch
        {
            { Error: SocketError.TimedOut } => new ProbeResult.TimedOut(spec.Timeout),
            { Why: { } why } => new ProbeResult.Failed(why),
            _ => new ProbeResult.Succeeded(Stopwatch.GetElapsedTime(started)),
        };
    }

    private static async Task<string?> ConnectAsync(EndPoint target, CancellationToken limit)
    {
        using var socket = Dial.NewSocket(target);
        return await Dial.ConnectAsync(socket, target, limit) is not SocketError.Success and var error ? Dial.TextOf(error) : null;
    }

    private static async Task<string?> RunAsync(IReadOnlyList<string> command, string? directory, CancellationToken limit)
    {
        if (command.Count == 0)
            return "the probe's command is empty";
        try
        {
            var environment = new Dictionary<string, string?>(StringComparer.Ordinal);
            NodeRuntime.Withhold(environment);
            using var process = ProcessSpawner.Spawn(new ProcessSpec { FileName = command[0], Arguments = [.. command.Skip(1)], Directory = directory, Environment = environment });
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
