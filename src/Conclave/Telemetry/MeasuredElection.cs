using System.Diagnostics;
using Microsoft.Extensions.Logging;

namespace Conclave;

/// <summary>An election that tells of its campaigns and leaderships, whoever campaigns.</summary>
internal sealed class MeasuredElection(ILeaderElection election, ILogger log) : ILeaderElection, IDisposable
{
    public string Name => election.Name;

    public Guarantee Guarantee => election.Guarantee;

    public async Task<Leadership> CampaignAsync(CancellationToken cancellation)
    {
        using var activity = Start("conclave.campaign");
        var started = Stopwatch.GetTimestamp();
        Log.Campaigns(log, Name);
        return Elected(await election.CampaignAsync(cancellation).ConfigureAwait(false), started, activity);
    }

    public async Task<Leadership?> TryCampaignAsync(CancellationToken cancellation)
    {
        using var activity = Start("conclave.try_campaign");
        var started = Stopwatch.GetTimestamp();
        return await election.TryCampaignAsync(cancellation).ConfigureAwait(false) is { } leadership ? Elected(leadership, started, activity) : null;
    }

    public IAsyncEnumerable<Leader?> ObserveAsync(CancellationToken cancellation) => election.ObserveAsync(cancellation);

    public Task<Leader?> GetLeaderAsync(CancellationToken cancellation) => election.GetLeaderAsync(cancellation);

    public ValueTask DisposeAsync() => election.DisposeAsync();

    /// <summary>For a container that is disposed synchronously: what is held is lost when this returns, and given back in the background.</summary>
    public void Dispose() => _ = LeaveAsync();

    private async Task LeaveAsync()
    {
        try
        {
            await election.DisposeAsync().ConfigureAwait(false);
        }
        catch (Exception fault)
        {
            Log.NotLeft(log, Name, fault);
        }
    }

    private Activity? Start(string name) => Telemetry.Activities.StartActivity(name)?.SetTag(Telemetry.ElectionTag, Name);

    private Leadership Elected(Leadership leadership, long started, Activity? activity)
    {
        var elected = Stopwatch.GetTimestamp();
        var campaign = Stopwatch.GetElapsedTime(started, elected);
        activity?.SetTag(Telemetry.TokenTag, leadership.FencingToken.Value);
        Telemetry.Elected(Name, campaign);
        Log.Elected(log, Name, leadership.FencingToken, campaign);

        // Runs once, at once if the leadership is over already, and goes away with the leadership's own token source.
        _ = leadership.Lost.UnsafeRegister(_ =>
        {
            var led = Stopwatch.GetElapsedTime(elected);
            Telemetry.Lost(Name, leadership.LossReason, led);
            if (leadership.LossReason is not LossReason.Resigned)
                Log.Lost(log, Name, leadership.FencingToken, leadership.LossReason, led);
        }, null);
        return leadership;
    }
}
