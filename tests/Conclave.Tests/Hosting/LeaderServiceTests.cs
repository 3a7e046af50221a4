using Microsoft.Extensions.DependencyInjection;

namespace Conclave.Tests.Hosting;

public sealed class LeaderServiceTests
{
    [Fact]
    public async Task It_runs_when_elected_and_not_before()
    {
        await using var host = new ElectionHost(e => e.AddLeaderService<Steady>());
        await host.StartAsync();
        await host.CampaignsAsync();
        Assert.Empty(host.Diary.Entries);

        var leadership = await host.ElectAsync();
        await host.Diary.HasAsync($"1 works with {leadership.FencingToken}");
    }

    [Fact]
    public async Task Each_leadership_has_an_instance_and_a_scope_of_its_own_and_both_are_disposed_before_the_next_campaign()
    {
        await using var host = new ElectionHost(e => e.AddLeaderService<Steady>(), builder => builder.Services.AddScoped<ScopedThing>());
        await host.StartAsync();
        await host.ElectAsync();
        await host.Diary.HasAsync("1 works with 1");
        Assert.True(host.Election.Lose());
        await host.CampaignsAsync();
        Assert.Equal(["1 works with 1", "1 stops", "1 disposed", "thing of 1 disposed"], host.Diary.Entries);

        await host.ElectAsync();
        await host.Diary.HasAsync("2 works with 2");
    }

    [Fact]
    public async Task When_it_returns_the_leadership_is_kept_and_renewed()
    {
        await using var host = new ElectionHost(e => e.AddLeaderService<OneShot>());
        await host.StartAsync();
        var leadership = await host.ElectAsync();
        await Until.HoldsAsync(() => host.Logged.Any(line => line.Contains("is done", StringComparison.Ordinal)));

        for (var minute = 0; minute < 10; minute++)
            host.Time.Advance(TimeSpan.FromMinutes(1));

        Assert.True(leadership.IsHeld);
        Assert.Equal(leadership.Leader, await host.Election.GetLeaderAsync(default));
        Assert.Equal(1, host.Diary.Count("done"));
    }

    [Fact]
    public async Task When_it_throws_the_instance_resigns_stands_back_longer_each_time_and_campaigns_again()
    {
        await using var host = new ElectionHost(e => e.AddLeaderService<Broken>());
        await host.StartAsync();
        var failures = 0;
        foreach (var (min, max) in new[] { (0.5, 1.0), (1.0, 2.0), (2.0, 4.0) })
        {
            await host.CampaignsAsync();
            var leadership = await host.ElectAsync();
            await Until.HoldsAsync(() => leadership.Lost.IsCancellationRequested);
            Assert.Equal(LossReason.Resigned, leadership.LossReason);
            await host.StandsBackAsync(++failures);

            // Just short of the shortest pause it is still out of the election; at the longest it is back.
            host.Time.Advance(TimeSpan.FromSeconds(min * 0.99));
            await Task.Yield();
            Assert.False(host.Election.IsCampaigning);
            host.Time.Advance(TimeSpan.FromSeconds(max - (min * 0.99)));
            await host.CampaignsAsync();
        }

        Assert.Null(await host.Election.GetLeaderAsync(default));
        Assert.Contains(host.Logged, line => line.StartsWith("Error: Broken of billing/dialer, token 1, failed", StringComparison.Ordinal));
    }

    [Fact]
    public async Task After_a_loss_the_work_is_waited_for_before_the_next_campaign()
    {
        var release = new TaskCompletionSource();
        await using var host = new ElectionHost(e => e.AddLeaderService<Stubborn>(), builder => builder.Services.AddSingleton(release));
        await host.StartAsync();
        await host.ElectAsync();
        await host.Diary.HasAsync("works");
        host.Election.Lose();
        await host.Diary.HasAsync("told to stop");

        // It says so while it waits; by then it would have campaigned if it were ever to.
        await Until.HoldsInAsync(host.Time, TimeSpan.FromSeconds(10), () => host.Logged.Any(line => line.Contains("still at work", StringComparison.Ordinal)));
        Assert.False(host.Election.IsCampaigning);

        release.SetResult();
        await host.CampaignsAsync();
    }

    [Fact]
    public async Task When_the_host_stops_the_work_ends_first_and_leadership_is_handed_over_after_it()
    {
        await using var host = new ElectionHost(e => e.AddLeaderService<LastWord>());
        await host.StartAsync();
        var leadership = await host.ElectAsync();
        await host.Diary.HasAsync("works");
        await host.StopAsync();
        Assert.Equal(["works", "at the end: held True"], host.Diary.Entries);
        Assert.Equal(LossReason.Resigned, leadership.LossReason);
        Assert.Null(await host.Election.GetLeaderAsync(default));
    }

    [Fact]
    public async Task One_that_fails_ends_the_others_of_its_election()
    {
        await using var host = new ElectionHost(e => e.AddLeaderService<Steady>().AddLeaderService<BrokenOnceTheOtherWorks>());
        await host.StartAsync();
        await host.ElectAsync();
        await host.Diary.HasAsync("1 stops");
        await host.StandsBackAsync(1);
    }

    [Fact]
    public async Task What_is_thrown_after_the_loss_is_no_failure()
    {
        await using var host = new ElectionHost(e => e.AddLeaderService<SoreLoser>());
        await host.StartAsync();
        await host.ElectAsync();
        await host.Diary.HasAsync("works");
        host.Election.Lose();
        await host.CampaignsAsync(); // without a pause: time stands still
        Assert.Contains(host.Logged, line => line.Contains("threw when it was told to stop", StringComparison.Ordinal));
    }

    [Fact]
    public async Task What_its_callbacks_throw_when_it_is_told_to_stop_harms_nobody()
    {
        await using var host = new ElectionHost(e => e.AddLeaderService<ThrowsInCallback>());
        await host.StartAsync();
        for (var turn = 1; turn <= 2; turn++)
        {
            await host.CampaignsAsync();
            await host.ElectAsync();
            await Until.HoldsAsync(() => host.Diary.Count("works") == turn);
            host.Election.Lose();
        }

        await host.CampaignsAsync();
        Assert.Contains(host.Logged, line => line.Contains("had registered with its stopping token threw", StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_cancellation_of_its_own_is_a_failure_and_not_an_end()
    {
        await using var host = new ElectionHost(e => e.AddLeaderService<TimesOut>());
        await host.StartAsync();
        await host.ElectAsync();
        await host.StandsBackAsync(1);
    }

    [Fact]
    public async Task After_a_long_time_of_good_work_a_failure_counts_as_the_first()
    {
        var breaks = new SemaphoreSlim(0);
        await using var host = new ElectionHost(e => e.AddLeaderService<BreaksWhenTold>(), builder => builder.Services.AddSingleton(breaks));
        await host.StartAsync();
        for (var failure = 1; failure <= 3; failure++)
        {
            await host.ElectAsync();
            await Until.HoldsAsync(() => host.Diary.Count("works") == failure);
            if (failure == 3)
                host.Time.Advance(TimeSpan.FromMinutes(1.01));
            breaks.Release();
            await host.StandsBackAsync(failure);
            host.Time.Advance(TimeSpan.FromMinutes(1));
            await host.CampaignsAsync();
        }

        Assert.Equal(["1", "2", "1"], host.Logged.Where(line => line.StartsWith("Warning: Stands back", StringComparison.Ordinal)).Select(line => line.Split(' ')[^5]));
    }

    [Fact]
    public async Task A_holder_that_stood_still_is_told_to_stop_and_its_token_is_refused()
    {
        using var gate = new FencingGate(new MemoryFencingStore());
        await using var host = new ElectionHost(e => e.AddLeaderService<Steady>());
        await host.StartAsync();
        var old = await host.ElectAsync();
        await host.Diary.HasAsync("1 works with 1");
        Assert.IsType<FencingVerdict.Admitted>(await gate.CheckAsync(old.FencingToken, default));

        var successor = host.Election.PauseHolder(TimeSpan.FromSeconds(10));
        Assert.IsType<FencingVerdict.Admitted>(await gate.CheckAsync(successor!.FencingToken, default));
        Assert.IsType<FencingVerdict.Refused>(await gate.CheckAsync(old.FencingToken, default));

        host.Time.Advance(LeaseTimer.LongestSleep);
        await host.Diary.HasAsync("1 stops");
        await host.CampaignsAsync();
        Assert.Equal(successor, await host.Election.GetLeaderAsync(default));
    }

    [Fact]
    public async Task The_ambient_leadership_is_that_under_which_the_work_was_begun()
    {
        await using var host = new ElectionHost(e => e.AddLeaderService<Lingering>());
        await host.StartAsync();
        await host.ElectAsync();
        await host.Diary.HasAsync("works");
        host.Election.Lose();
        await host.CampaignsAsync();
        await host.ElectAsync();

        Lingering.Left.SetResult(); // what the first leadership left behind goes on, with its old token
        await host.Diary.HasAsync("lingers with 1");
        Assert.Null(AmbientLeadership.Current);
    }

    private sealed class ScopedThing(Diary diary) : IDisposable
    {
        public int Of { get; set; }

        public void Dispose() => diary.Write($"thing of {Of} disposed");
    }

    private sealed class Steady : LeaderBackgroundService, IAsyncDisposable
    {
        private readonly Diary _diary;
        private readonly int _instance;

        public Steady(Diary diary, IServiceProvider scope)
        {
            (_diary, _instance) = (diary, diary.NextInstance());
            if (scope.GetService<ScopedThing>() is { } thing)
                thing.Of = _instance;
        }

        protected override async Task ExecuteAsync(Leadership leadership, CancellationToken stoppingToken)
        {
            _diary.Write($"{_instance} works with {leadership.FencingToken}");
            Assert.Same(leadership, AmbientLeadership.Current);
            try
            {
                await Task.Delay(Timeout.Infinite, stoppingToken);
            }
            finally
            {
                _diary.Write($"{_instance} stops");
            }
        }

        public async ValueTask DisposeAsync()
        {
            await Task.Yield();
            _diary.Write($"{_instance} disposed");
        }
    }

    private sealed class OneShot(Diary diary) : LeaderBackgroundService
    {
        protected override Task ExecuteAsync(Leadership leadership, CancellationToken stoppingToken)
        {
            diary.Write("done");
            return Task.CompletedTask;
        }
    }

    private sealed class Broken : LeaderBackgroundService
    {
        protected override Task ExecuteAsync(Leadership leadership, CancellationToken stoppingToken) => throw new InvalidDataException("broken");
    }

    private sealed class BrokenOnceTheOtherWorks(Diary diary) : LeaderBackgroundService
    {
        protected override async Task ExecuteAsync(Leadership leadership, CancellationToken stoppingToken)
        {
            await diary.HasAsync("1 works with 1");
            throw new InvalidDataException("broken");
        }
    }

    private sealed class ThrowsInCallback(Diary diary) : LeaderBackgroundService
    {
        protected override async Task ExecuteAsync(Leadership leadership, CancellationToken stoppingToken)
        {
            var told = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            await using var registration = stoppingToken.Register(() =>
            {
                told.SetResult();
                throw new InvalidDataException("in a callback");
            });
            diary.Write("works");
            await told.Task;
        }
    }

    private sealed class TimesOut : LeaderBackgroundService
    {
        protected override Task ExecuteAsync(Leadership leadership, CancellationToken stoppingToken) => throw new TaskCanceledException("the request timed out");
    }

    private sealed class BreaksWhenTold(Diary diary, SemaphoreSlim breaks) : LeaderBackgroundService
    {
        protected override async Task ExecuteAsync(Leadership leadership, CancellationToken stoppingToken)
        {
            diary.Write("works");
            await breaks.WaitAsync(stoppingToken);
            throw new InvalidDataException("broken");
        }
    }

    private sealed class Stubborn(Diary diary, TaskCompletionSource release) : LeaderBackgroundService
    {
        protected override async Task ExecuteAsync(Leadership leadership, CancellationToken stoppingToken)
        {
            diary.Write("works");
            await using var registration = stoppingToken.Register(() => diary.Write("told to stop"));
            await release.Task;
        }
    }

    private sealed class LastWord(Diary diary) : LeaderBackgroundService
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
                await Task.Delay(20, CancellationToken.None); // work in hand, while a hand-over that does not wait would happen
                diary.Write($"at the end: held {leadership.IsHeld}");
            }
        }
    }

    private sealed class SoreLoser(Diary diary) : LeaderBackgroundService
    {
        protected override async Task ExecuteAsync(Leadership leadership, CancellationToken stoppingToken)
        {
            diary.Write("works");
            var told = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            await using var registration = stoppingToken.Register(told.SetResult);
            await told.Task;
            throw new IOException("the connection was cut");
        }
    }

    private sealed class Lingering(Diary diary) : LeaderBackgroundService
    {
        public static readonly TaskCompletionSource Left = new(TaskCreationOptions.RunContinuationsAsynchronously);

        protected override async Task ExecuteAsync(Leadership leadership, CancellationToken stoppingToken)
        {
            if (!diary.Has("works"))
            {
                _ = Task.Run(
                    async () =>
                    {
                        await Left.Task;
                        diary.Write($"lingers with {AmbientLeadership.Current?.FencingToken}");
                    },
                    CancellationToken.None);
            }

            diary.Write("works");
            await Task.Delay(Timeout.Infinite, stoppingToken);
        }
    }
}
