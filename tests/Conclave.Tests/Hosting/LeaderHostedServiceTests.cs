using Microsoft.Extensions.Hosting;

namespace Conclave.Tests.Hosting;

public sealed class LeaderHostedServiceTests
{
    [Fact]
    public async Task It_is_started_on_election_stopped_on_loss_and_made_anew_each_time()
    {
        await using var host = new ElectionHost(e => e.AddLeaderHostedService<Plain>());
        await host.StartAsync();
        await host.CampaignsAsync();
        Assert.Empty(host.Diary.Entries);

        await host.ElectAsync();
        await host.Diary.HasAsync("1 started");
        host.Election.Lose();
        await host.CampaignsAsync();
        Assert.Equal(["1 started", "1 stopped", "1 disposed"], host.Diary.Entries);

        await host.ElectAsync();
        await host.Diary.HasAsync("2 started");
        await host.StopAsync();
        Assert.Equal("2 disposed", host.Diary.Entries[^1]);
    }

    [Fact]
    public async Task What_a_background_service_throws_later_ends_the_leadership_and_not_the_host()
    {
        await using var host = new ElectionHost(e => e.AddLeaderHostedService<LaterBroken>());
        await host.StartAsync();
        var leadership = await host.ElectAsync();
        await host.StandsBackAsync(1);
        Assert.Equal(LossReason.Resigned, leadership.LossReason);
        host.Time.Advance(TimeSpan.FromSeconds(1));
        await host.CampaignsAsync();
    }

    [Fact]
    public async Task One_that_cannot_start_ends_the_leadership()
    {
        await using var host = new ElectionHost(e => e.AddLeaderHostedService<Unstartable>());
        await host.StartAsync();
        await host.ElectAsync();
        await host.StandsBackAsync(1);
    }

    [Fact]
    public async Task A_background_service_that_is_done_leaves_the_leadership_idle_until_it_is_lost()
    {
        await using var host = new ElectionHost(e => e.AddLeaderHostedService<Done>());
        await host.StartAsync();
        var leadership = await host.ElectAsync();
        await host.Diary.HasAsync("done");
        host.Time.Advance(TimeSpan.FromMinutes(5));
        Assert.True(leadership.IsHeld);
        host.Election.Lose();
        await host.CampaignsAsync();
    }

    private sealed class Plain(Diary diary) : IHostedService, IDisposable
    {
        private readonly int _instance = diary.NextInstance();

        public Task StartAsync(CancellationToken cancellationToken)
        {
            diary.Write($"{_instance} started");
            return Task.CompletedTask;
        }

        public async Task StopAsync(CancellationToken cancellationToken)
        {
            await Task.Yield();
            diary.Write($"{_instance} stopped");
        }

        public void Dispose() => diary.Write($"{_instance} disposed");
    }

    private sealed class LaterBroken : BackgroundService
    {
        protected override async Task ExecuteAsync(CancellationToken stoppingToken)
        {
            await Task.Yield();
            throw new InvalidDataException("broken later");
        }
    }

    private sealed class Unstartable : IHostedService
    {
        public Task StartAsync(CancellationToken cancellationToken) => throw new InvalidDataException("cannot start");

        public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;
    }

    private sealed class Done(Diary diary) : BackgroundService
    {
        protected override Task ExecuteAsync(CancellationToken stoppingToken)
        {
            diary.Write("done");
            return Task.CompletedTask;
        }
    }
}
