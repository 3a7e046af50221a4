using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;

namespace Conclave.Tests.Hosting;

public sealed class InMemoryHostTests
{
    [Fact]
    public async Task Of_two_hosts_one_works_and_when_it_stops_the_other_does()
    {
        var (elections, diary) = (new InMemoryElections(), new Diary());
        using var first = NewHost(elections, diary, "first");
        using var second = NewHost(elections, diary, "second");
        await first.StartAsync();
        await diary.HasAsync("first works");
        await second.StartAsync();
        Assert.Equal("first", (await second.Services.GetRequiredKeyedService<ILeaderElection>("jobs").GetLeaderAsync(default))!.Value);

        await first.StopAsync();
        await diary.HasAsync("second works");
        await second.StopAsync();
        Assert.Equal(["first works", "first stops", "second works", "second stops"], diary.Entries);
    }

    [Fact]
    public async Task Each_of_many_elections_in_a_host_has_its_own_services()
    {
        var (elections, diary) = (new InMemoryElections(), new Diary());
        using var host = ElectionHost.Build(builder =>
        {
            builder.Services.AddSingleton(diary);
            for (var number = 0; number < 50; number++)
                builder.Services.AddLeaderElection($"jobs-{number}", e => e.UseInMemory(elections)).AddLeaderService<Worker>();
        });
        await host.StartAsync();
        await Until.HoldsAsync(() => diary.Entries.Distinct().Count() == 50);
        await host.StopAsync();
    }

    private static IHost NewHost(InMemoryElections elections, Diary diary, string name) => ElectionHost.Build(builder =>
    {
        builder.Services.AddSingleton(diary);
        builder.Services.AddLeaderElection("jobs", e => e.UseInMemory(elections).Configure(options => options.Value = name)).AddLeaderService<Worker>();
    });

    private sealed class Worker(Diary diary) : LeaderBackgroundService
    {
        protected override async Task ExecuteAsync(Leadership leadership, CancellationToken stoppingToken)
        {
            var name = leadership.Election == "jobs" ? leadership.Leader.Value : leadership.Election;
            diary.Write($"{name} works");
            try
            {
                await Task.Delay(Timeout.Infinite, stoppingToken);
            }
            finally
            {
                if (leadership.Election == "jobs")
                    diary.Write($"{name} stops");
            }
        }
    }
}
