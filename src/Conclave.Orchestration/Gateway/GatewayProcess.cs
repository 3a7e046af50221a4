using System.Collections.Immutable;
using System.Net;
using System.Net.Sockets;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Yarp.ReverseProxy.Forwarder;

namespace Conclave.Orchestration.Gateway;

/// <summary>One gateway: accepts requests and spreads them over the instances of the services they are routed to.</summary>
/// <remarks>Members may be called from any thread.</remarks>
public sealed class GatewayProcess
{
    private readonly GatewayOptions _options;
    private readonly ILoggerFactory _loggers;
    private readonly ILogger _log;
    private readonly Counters _counters = new();
    private readonly RetryBudget _budget;
    private readonly HealthLoop _health;
    private readonly Rotation _rotation;
    private readonly AccessLog? _accessLog;
    private readonly TaskCompletionSource<IReadOnlyList<IPEndPoint>> _serving = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private bool _draining;

    /// <summary>Throws <see cref="ArgumentException"/> when an option is out of range. Binds nothing yet.</summary>
    public GatewayProcess(GatewayOptions options, ILoggerFactory loggers)
    {
        options.Validate();
        _options = options;
        _loggers = loggers;
        _log = loggers.CreateLogger<GatewayProcess>();
        _budget = new RetryBudget(options.Retry.BudgetRatio, options.Retry.BudgetPerSecond);
        _health = new HealthLoop(options, _log);
        _rotation = new Rotation(options, _budget, _health.Wake);
        _accessLog = options.AccessLog is { } accessLog ? new AccessLog(accessLog, _log) : null;
    }

    /// <summary>Completes with the bound addresses, in the order of the options, once requests are accepted; fails when that is not possible.</summary>
    public Task<IReadOnlyList<IPEndPoint>> Serving => _serving.Task;

    /// <summary>
    /// Serves until <paramref name="stopping"/>, then drains: accepts nothing new, lets requests in flight finish within the grace,
    /// closes what is left. Until the first table comes requests wait as they do when all instances are out. The end of
    /// <paramref name="tables"/> is not the end of the gateway: it keeps the last one; its failure is the end. Call it once.
    /// </summary>
    public async Task RunAsync(IAsyncEnumerable<GatewayTable> tables, CancellationToken stopping)
    {
        using var background = new CancellationTokenSource();
        using var serving = CancellationTokenSource.CreateLinkedTokenSource(stopping);
        List<Task> running = [_health.RunAsync(_rotation, background.Token)];
        if (_accessLog is not null) running.Add(_accessLog.RunAsync(background.Token));
        try
        {
            // A gateway without its health checks would look well and serve badly: their end is its end.
            var served = ServeAsync(tables, serving.Token);
            await Task.WhenAny([served, .. running]);
            if (!served.IsCompleted) await serving.CancelAsync();
            await served;
        }
        catch (Exception e)
        {
            _serving.TrySetException(e);
            throw;
        }
        finally
        {
            await background.CancelAsync();
            await Task.WhenAll(running);
            foreach (var backend in _rotation.All) backend.Connections.Dispose();
        }
    }

    /// <summary>
    /// Takes an instance out of rotation at once because its exit was reported; requests that may be sent again move elsewhere. It
    /// comes back when its probe succeeds or a table brings another incarnation. Unknown ids are ignored.
    /// </summary>
    public void Remove(string instanceId, string why)
    {
        if (_rotation.Find(instanceId) is not { } backend) return;
        if (_rotation.TakeOut(backend, why, CutWhy.Moved)) _log.OutOfRotation(instanceId, why);
    }

    /// <summary>The numbers at this moment.</summary>
    public GatewayStats Stats() => new()
    {
        Name = _options.Name,
        Pid = Environment.ProcessId,
        Draining = Volatile.Read(ref _draining),
        TableVersion = _rotation.Version,
        RequestsPerSecond = _budget.RequestsPerSecond(Environment.TickCount64),
        Requests = _counters.Requests,
        InFlight = _counters.InFlight,
        Waiting = _counters.Waiting,
        Retries = _counters.Retries,
        RetriesRefused = _counters.RetriesRefused,
        AccessLinesDropped = _accessLog?.Dropped ?? 0,
        Failures = Enum.GetValues<GatewayFailure>().ToImmutableSortedDictionary(f => f.ToString(), _counters.Failures, StringComparer.Ordinal),
        Instances = [.. _rotation.All.Select(Describe)],
        Changes = _rotation.Changes,
    };

    private static GatewayInstanceStats Describe(Backend backend) => new()
    {
        Id = backend.Id,
        State = backend switch
        {
            { Removed: true } => "removed",
            { OutWhy: not null } => "out",
            { Instance.State: GatewayInstanceState.Draining } => "draining",
            _ => "in",
        },
        Why = backend.OutWhy,
        InFlight = backend.InFlight,
        Requests = backend.Requests,
        Failures = backend.Failures,
        TakenOut = backend.TakenOut,
    };

    private async Task ServeAsync(IAsyncEnumerable<GatewayTable> tables, CancellationToken stopping)
    {
        List<ListenOptions> bound = [];
        await using var app = KestrelApp.Build(
            _loggers, _options.DrainGrace + TimeSpan.FromSeconds(5), kestrel => Configure(kestrel, bound), services => services.AddHttpForwarder());
        var forwarder = new Forwarder(
            _options, _rotation, _budget, _counters, _health, _accessLog, app.Services.GetRequiredService<IHttpForwarder>(), _log);
        app.Run(forwarder.HandleAsync);
        await using var control = _options.ControlSocketPath is { } path ? ControlSocket.Build(path, _loggers, Stats) : null;

        await app.StartAsync(stopping);
        if (control is not null) await control.StartAsync(stopping);
        IReadOnlyList<IPEndPoint> addresses = [.. bound.Select(AddressOf)];
        var shown = string.Join(", ", addresses);
        _log.Serving(_options.Name, shown);
        _serving.TrySetResult(addresses);
        try
        {
            await FollowAsync(tables, stopping);
        }
        finally
        {
            Volatile.Write(ref _draining, value: true);
            _log.Draining(_options.Name, _counters.InFlight);
            using var grace = new CancellationTokenSource(_options.DrainGrace);
            await app.StopAsync(grace.Token);
            if (control is not null) await control.StopAsync(CancellationToken.None);
        }
    }

    private async Task FollowAsync(IAsyncEnumerable<GatewayTable> tables, CancellationToken stopping)
    {
        try
        {
            await foreach (var table in tables.WithCancellation(stopping))
            {
                var instances = table.Services.Sum(s => s.Instances.Length);
                if (_rotation.Apply(table)) _log.TableApplied(table.Version, instances);
            }

            await Task.Delay(Timeout.InfiniteTimeSpan, stopping);
        }
        catch (OperationCanceledException) when (stopping.IsCancellationRequested)
        {
            // Time to drain.
        }
    }

    private void Configure(KestrelServerOptions kestrel, List<ListenOptions> bound)
    {
        var limits = _options.Limits;
        kestrel.Limits.MaxRequestBodySize = limits.RequestBodyBytes;
        kestrel.Limits.MaxRequestHeadersTotalSize = limits.RequestHeaderBytes;
        kestrel.Limits.MaxRequestLineSize = Math.Min(kestrel.Limits.MaxRequestLineSize, limits.RequestHeaderBytes);
        kestrel.Limits.MaxConcurrentConnections = limits.ConcurrentConnections;
        kestrel.Limits.MaxConcurrentUpgradedConnections = limits.ConcurrentConnections;
        kestrel.Limits.KeepAliveTimeout = limits.KeepAliveTimeout;
        kestrel.Limits.RequestHeadersTimeout = limits.RequestHeadersTimeout;
        foreach (var listen in _options.Listen)
        {
            void Take(ListenOptions options)
            {
                options.Protocols = listen.Http2 ? HttpProtocols.Http2 : HttpProtocols.Http1;
                bound.Add(options);
            }

            switch (listen)
            {
                case GatewayListen.Descriptor descriptor:
                    kestrel.ListenHandle((ulong)descriptor.Number, Take);
                    break;
                case GatewayListen.Address address:
                    kestrel.Listen(address.EndPoint, Take);
                    break;
            }
        }
    }

    private static IPEndPoint AddressOf(ListenOptions options)
    {
        if (options.IPEndPoint is { } address) return address;
        using var view = new Socket(new SafeSocketHandle((nint)options.FileHandle, ownsHandle: false));
        return (IPEndPoint)view.LocalEndPoint!;
    }
}
