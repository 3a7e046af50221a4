using Microsoft.Extensions.Logging;

namespace Conclave;

/// <summary>Observes who leads, for the log and for the metrics of time without a leader.</summary>
internal sealed class LeaderWatch(ILeaderElection election, RetryDelay delay, TimeProvider time, ILogger log)
{
    public async Task RunAsync(CancellationToken stopping)
    {
        var vacancy = new Vacancy(election.Name, time);
        var failures = 0;
        try
        {
            while (true)
            {
                try
                {
                    await foreach (var leader in election.ObserveAsync(stopping).ConfigureAwait(false))
                    {
                        failures = 0;
                        vacancy.Saw(leader);
                        if (leader is null)
                            Log.NobodyLeads(log, election.Name);
                        else
                            Log.Leads(log, leader.Value, election.Name, leader.FencingToken);
                    }
                }
                catch (ElectionException blind)
                {
                    // Of what we cannot see nothing is claimed: neither a leader nor a vacancy.
                    vacancy.LostSight();
                    Log.WatchEnded(log, election.Name, blind.Message);
                }

                await Task.Delay(delay.After(++failures, Random.Shared.NextDouble()), time, stopping).ConfigureAwait(false);
            }
        }
        finally
        {
            vacancy.LostSight();
        }
    }

    /// <summary>A time without a leader, from one observed change to another.</summary>
    private sealed class Vacancy(string election, TimeProvider time)
    {
        private long? _since;

        public void Saw(Leader? leader)
        {
            if (leader is null && _since is null)
            {
                _since = time.GetTimestamp();
                Telemetry.BecameVacant(election);
            }
            else if (leader is not null && _since is { } since)
            {
                _since = null;
                Telemetry.NoLongerVacant(election);
                Telemetry.WasVacantFor(election, time.GetElapsedTime(since));
            }
        }

        public void LostSight()
        {
            if (_since is not null)
                Telemetry.NoLongerVacant(election);
            _since = null;
        }
    }
}
