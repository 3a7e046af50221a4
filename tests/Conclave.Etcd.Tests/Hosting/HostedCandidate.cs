using System.Globalization;
using Conclave.Contract;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;

namespace Conclave.Etcd.Tests.Hosting;

/// <summary>
/// A generic host in a process of its own, to be terminated, killed and stopped by the tests. Says <c>works TOKEN</c> and <c>stopped, held BOOL</c>; work in hand takes a moment to end, and leaves a file when it has.
/// </summary>
internal static class HostedCandidate
{
    public const string Word = "host";
    public const string EndedFile = "work-ended";

    // Arguments: endpoint, election, TTL in seconds. The working directory is the server's.
    public static async Task<int> RunAsync(string[] arguments)
    {
        var builder = Host.CreateEmptyApplicationBuilder(new HostApplicationBuilderSettings());
        builder.Services
            .AddLeaderElection(arguments[1], e => e.UseEtcd(arguments[0]).Configure(options =>
            {
                options.Value = "child";
                options.Lease = new LeaseOptions { Ttl = TimeSpan.FromSeconds(int.Parse(arguments[2], CultureInfo.InvariantCulture)), StopMargin = TimeSpan.FromMilliseconds(200) };
                options.ConnectAttempts = 2;
            }))
            .AddLeaderService<Work>();
        try
        {
            await builder.Build().RunAsync();
            return 0;
        }
        catch (ElectionException fault)
        {
            CandidateProcess.Say(fault.Message);
            return 1;
        }
    }

    private sealed class Work : LeaderBackgroundService
    {
        protected override async Task ExecuteAsync(Leadership leadership, CancellationToken stoppingToken)
        {
            File.Delete(EndedFile);
            CandidateProcess.Say($"works {leadership.FencingToken}");
            try
            {
                await Task.Delay(Timeout.Infinite, stoppingToken);
            }
            finally
            {
                // Work that takes its time to stop: a leadership given up before it has ended would be seen by the next leader.
                await Task.Delay(100, CancellationToken.None);
                await File.WriteAllTextAsync(EndedFile, "", CancellationToken.None);
                CandidateProcess.Say($"stopped, held {leadership.IsHeld}");
            }
        }
    }
}
