using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace Conclave.Tests.Hosting;

/// <summary>One election of a host breaks in a way that no election may: what becomes of the others, and of the host.</summary>
public sealed class BrokenElectionTests
{
    private readonly Diary _diary = new();

    [Fact]
    public async Task It_leaves_the_others_alone_and_their_hand_over_is_still_waited_for()
    {
        using var host = NewHost(BackgroundServiceExceptionBehavior.Ignore, out var broken);
        await host.StartAsync();
        await _diary.HasAsync("works");
        broken.SetException(new InvalidOperationException("broken"));
        await _diary.HasAsync("host told: broken");

        Assert.False(_diary.Has("stops"));
        await host.StopAsync().WaitAsync(Until.Deadline);
        Assert.True(_diary.Has("stops"));
        Assert.Null(await host.Services.GetRequiredKeyedService<ILeaderElection>("sound").GetLeaderAsync(default));
    }

    [Fact]
    public async Task It_stops_the_host_unless_the_host_was_told_otherwise()
    {
        using var host = NewHost(BackgroundServiceExceptionBehavior.StopHost, out var broken);
        await host.StartAsync();
        await _diary.HasAsync("works");
        var stopping = host.Services.GetRequiredService<IHostApplicationLifetime>().ApplicationStopping;
        broken.SetException(new InvalidOperationException("broken"));
        await Until.HoldsAsync(() => stopping.IsCancellationRequested);
        await _diary.HasAsync("stops");
        await host.StopAsync().WaitAsync(Until.Deadline);
    }

    private IHost NewHost(BackgroundServiceExceptionBehavior onFault, out TaskCompletionSource<Leadership> campaign)
    {
        var broken = campaign = new TaskCompletionSource<Leadership>(TaskCreationOptions.RunContinuationsAsynchronously);
        return ElectionHost.Build(builder =>
        {
            builder.Services.Configure<HostOptions>(options => options.BackgroundServiceExceptionBehavior = onFault);
            builder.Services.AddSingleton(_diary);
            builder.Logging.AddProvider(new FaultLog(_diary));
            builder.Services.AddLeaderElection("broken", e => e.UseBackend(_ => new Broken(broken.Task)).AddLeaderService<Worker>());
            builder.Services.AddLeaderElection("sound", e => e.UseInMemory(new InMemoryElections()).AddLeaderService<Worker>());
        });
    }

    private sealed class Broken(Task<Leadership> campaign) : ILeaderElection
    {
        public string Name => "broken";

        public Guarantee Guarantee => Guarantee.Exclusive;

        public Task<Leadership> CampaignAsync(CancellationToken cancellation) => campaign.WaitAsync(cancellation);

        public Task<Leadership?> TryCampaignAsync(CancellationToken cancellation) => throw new NotSupportedException();

        public async IAsyncEnumerable<Leader?> ObserveAsync([System.Runtime.CompilerServices.EnumeratorCancellation] CancellationToken cancellation)
        {
            await Task.Delay(Timeout.Infinite, cancellation);
            yield break;
        }

        public Task<Leader?> GetLeaderAsync(CancellationToken cancellation) => Task.FromResult<Leader?>(null);

        public ValueTask DisposeAsync() => ValueTask.CompletedTask;
    }

    /// <summary>What the host says of a hosted service that failed.</summary>
    private sealed class FaultLog(Diary diary) : ILoggerProvider, ILogger
    {
        private bool _isHost;

        public ILogger CreateLogger(string categoryName) => new FaultLog(diary) { _isHost = categoryName == "Microsoft.Extensions.Hosting.Internal.Host" };

        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => logLevel >= LogLevel.Error;

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
        {
            if (_isHost && exception is not null)
                diary.Write($"host told: {exception.Message}");
        }

        public void Dispose() { }
    }

    private sealed class Worker(Diary diary) : LeaderBackgroundService
    {
        protected override async Task ExecuteAsync(Leadership leadership, CancellationToken stoppingToken)
        {
            diary.Write("works");
            try
            {
                await Task.Delay(Timeout.Infinite, stoppingToken);
            }
            finally
            {
                await Task.Delay(20, CancellationToken.None); // while a host that does not wait would have stopped
                diary.Write("stops");
            }
        }
    }
}
