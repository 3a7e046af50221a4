using System.Globalization;
using Conclave;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

// The smallest program that elects a leader. Start it several times, under different POD_NAMEs: one of them works.
//   POD_NAME          the candidate's name; default: host name and process
//   ETCD_ENDPOINT     default http://localhost:2379
//   ELECTION_BACKEND  etcd (default), or kubernetes: a Lease of the pod's own namespace
//   WORK_EVERY_SECONDS, LEAD_FOR_SECONDS   default 3 and 30: the leader resigns after that, so that the others get their turn
var builder = Host.CreateApplicationBuilder(args);
builder.Logging.SetMinimumLevel(LogLevel.Warning);
builder.Services
    .AddLeaderElection("leader-demo", e => _ = builder.Configuration["ELECTION_BACKEND"] is "kubernetes"
        ? e.UseKubernetes()
        : e.UseEtcd(builder.Configuration["ETCD_ENDPOINT"] ?? "http://localhost:2379"))
    .AddLeaderService<Turn>();
builder.Services.AddHostedService<Observer>();
try
{
    await builder.Build().RunAsync();
    return 0;
}
catch (ElectionException fault)
{
    Console.Error.WriteLine(fault.Message);
    return 1;
}

internal sealed class Turn : LeaderBackgroundService
{
    private static readonly TimeSpan WorkEvery = Seconds("WORK_EVERY_SECONDS", 3);
    private static readonly TimeSpan LeadFor = Seconds("LEAD_FOR_SECONDS", 30);

    protected override async Task ExecuteAsync(Leadership leadership, CancellationToken stoppingToken)
    {
        using var turnIsOver = CancellationTokenSource.CreateLinkedTokenSource(stoppingToken);
        turnIsOver.CancelAfter(LeadFor);
        try
        {
            while (true)
            {
                Say($"works with token {leadership.FencingToken}");
                await Task.Delay(WorkEvery, turnIsOver.Token);
            }
        }
        catch (OperationCanceledException) when (!stoppingToken.IsCancellationRequested)
        {
            Say("resigns");
            await leadership.ResignAsync(stoppingToken); // and campaigns again, at the end of the line
        }
    }

    internal static void Say(string what) => Console.WriteLine($"{DateTime.UtcNow:HH:mm:ss.fff} {CandidateName.Default} {what}");

    private static TimeSpan Seconds(string variable, double otherwise) =>
        TimeSpan.FromSeconds(double.TryParse(Environment.GetEnvironmentVariable(variable), CultureInfo.InvariantCulture, out var seconds) ? seconds : otherwise);
}

internal sealed class Observer([FromKeyedServices("leader-demo")] ILeaderElection election) : BackgroundService
{
    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        await foreach (var leader in election.ObserveAsync(stoppingToken))
            Turn.Say(leader is null ? "sees that nobody leads" : $"sees that {leader.Value} leads with token {leader.FencingToken}");
    }
}
