using System.Collections.Concurrent;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace Conclave.Tests.Hosting;

/// <summary>A host with one election that the test decides, and a diary that services write into.</summary>
internal sealed class ElectionHost : IAsyncDisposable
{
    public const string Name = "billing/dialer";

    private readonly IHost _host;

    public ElectionHost(Action<LeaderElectionBuilder>? configure = null, Action<HostApplicationBuilder>? more = null)
    {
        Election = new FakeElection(Name);
        _host = Build(builder =>
        {
            builder.Services.AddSingleton(Diary);
            builder.Logging.AddProvider(new DiaryLog(Logged));
            builder.Services.AddLeaderElection(Name, e =>
            {
                e.UseFake(Election);
                configure?.Invoke(e);
            });
            more?.Invoke(builder);
        });
    }

    public FakeElection Election { get; }

    public FakeTime Time => Election.Time;

    public Diary Diary { get; } = new();

    public ConcurrentQueue<string> Logged { get; } = new();

    public IServiceProvider Services => _host.Services;

    public static IHost Build(Action<HostApplicationBuilder> configure, params (string Key, string Value)[] configuration)
    {
        var builder = Host.CreateEmptyApplicationBuilder(new HostApplicationBuilderSettings());
        builder.Configuration.AddInMemoryCollection(configuration.ToDictionary(pair => pair.Key, pair => (string?)pair.Value, StringComparer.Ordinal));
        configure(builder);
        return builder.Build();
    }

    public Task StartAsync() => _host.StartAsync().WaitAsync(Until.Deadline);

    public Task StopAsync() => _host.StopAsync().WaitAsync(Until.Deadline);

    public Task<Leadership> ElectAsync() => Election.Elect().WaitAsync(Until.Deadline);

    public Task CampaignsAsync() => Until.HoldsAsync(() => Election.IsCampaigning);

    /// <summary>The pause has begun: it was announced so many times, and its timer runs.</summary>
    public Task StandsBackAsync(int times) =>
        Until.HoldsAsync(() => Logged.Count(line => line.StartsWith("Warning: Stands back", StringComparison.Ordinal)) == times && Time.PendingTimers == 1);

    public async ValueTask DisposeAsync()
    {
        await StopAsync();
        await ((IAsyncDisposable)_host).DisposeAsync();
    }

    private sealed class DiaryLog(ConcurrentQueue<string> logged) : ILoggerProvider, ILogger
    {
        public ILogger CreateLogger(string categoryName) => this;

        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => true;

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter) =>
            logged.Enqueue($"{logLevel}: {formatter(state, exception)}");

        public void Dispose() { }
    }
}

/// <summary>What happened, in its order. Thread-safe.</summary>
internal sealed class Diary
{
    private readonly ConcurrentQueue<string> _entries = new();
    private int _instances;

    public IReadOnlyList<string> Entries => [.. _entries];

    public int NextInstance() => Interlocked.Increment(ref _instances);

    public void Write(string entry) => _entries.Enqueue(entry);

    public int Count(string entry) => _entries.Count(written => written == entry);

    public bool Has(string entry) => _entries.Contains(entry);

    public Task HasAsync(string entry) => Until.HoldsAsync(() => Has(entry), entry);
}
