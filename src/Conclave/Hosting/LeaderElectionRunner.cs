using System.Diagnostics;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace Conclave;

/// <summary>
/// One candidate's life in a host: stand while fit, lead while elected, resign, pause after a failure, stand again; beside it, observe who leads.
/// </summary>
internal sealed class LeaderElectionRunner(
    ILeaderElection election,
    LeaderElectionOptions options,
    IReadOnlyList<LeaderWork> work,
    FitnessGate? gate,
    IServiceScopeFactory scopes,
    TimeProvider time,
    ILogger log)
{
    /// <summary>What came of one candidacy.</summary>
    private enum Turn
    {
        /// <summary>Nothing to pause for: leadership was lost or given up in good order, or this instance became unfit.</summary>
        Ended,

        /// <summary>A service failed soon after the election, or the backend refused us.</summary>
        Failed,

        /// <summary>A service failed after a long time of good work.</summary>
        FailedLate,
    }

    public string Election => election.Name;

    private RetryDelay ConnectDelay => new(options.ConnectDelayMin, options.ConnectDelayMax);

    private RetryDelay RestartDelay => new(options.RestartDelayMin, options.RestartDelayMax);

    /// <summary>Asks the backend for a sign of life, as often as the options say.</summary>
    /// <exception cref="ElectionException">It gave none, or refused; the message names the options.</exception>
    public async Task ConnectAsync(CancellationToken cancellation)
    {
        for (var attempt = 1; attempt <= options.ConnectAttempts; attempt++)
        {
            try
            {
                await election.GetLeaderAsync(cancellation).ConfigureAwait(false);
                return;
            }
            catch (ElectionUnavailableException silent) when (attempt < options.ConnectAttempts)
            {
                var pause = ConnectDelay.After(attempt, Random.Shared.NextDouble());
                Log.ConnectFailed(log, election.Name, attempt, options.ConnectAttempts, pause, silent.Message);
                await Task.Delay(pause, time, cancellation).ConfigureAwait(false);
            }
            catch (ElectionUnavailableException silent)
            {
                throw new ElectionUnavailableException(
                    $"Election {election.Name}: no connection after {attempt} attempts: {silent.Message} "
                    + $"{ElectionSection.Root}:{election.Name}:ConnectAttempts says how often to try; 0 starts without a connection and waits for it.", silent);
            }
        }
    }

    /// <summary>Begins what it is made of: the parts, none of which ends but by cancellation, and then only when leadership, if it was held, is handed over.</summary>
    public IEnumerable<Task> Start(CancellationToken stopping)
    {
        if (options.WatchLeader)
            yield return new LeaderWatch(election, ConnectDelay, time, log).RunAsync(stopping);
        if (work.Count > 0)
            yield return StandAsync(stopping);
    }

    private async Task StandAsync(CancellationToken stopping)
    {
        var failures = 0;
        while (true)
        {
            stopping.ThrowIfCancellationRequested();
            var turn = gate is null ? await TakeTurnAsync(stopping).ConfigureAwait(false) : await WhileFitAsync(gate, stopping).ConfigureAwait(false);
            failures = turn switch
            {
                Turn.Ended => 0,
                Turn.Failed => failures + 1,
                Turn.FailedLate => 1,
                _ => throw new UnreachableException($"No rule for {turn}."),
            };
            if (failures == 0)
                continue;

            var pause = RestartDelay.After(failures, Random.Shared.NextDouble());
            Log.StandsBack(log, election.Name, pause, failures);
            await Task.Delay(pause, time, stopping).ConfigureAwait(false);
        }
    }

    private async Task<Turn> WhileFitAsync(FitnessGate fitness, CancellationToken stopping)
    {
        await fitness.UntilAsync(fit: true, stopping).ConfigureAwait(false);
        using var unfit = CancellationTokenSource.CreateLinkedTokenSource(stopping);
        var watching = WatchAsync();
        try
        {
            return await TakeTurnAsync(unfit.Token).ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (unfit.IsCancellationRequested && !stopping.IsCancellationRequested)
        {
            return Turn.Ended;
        }
        finally
        {
            await unfit.CancelAsync().ConfigureAwait(false);
            await watching.ConfigureAwait(false);
        }

        async Task WatchAsync()
        {
            try
            {
                await fitness.UntilAsync(fit: false, unfit.Token).ConfigureAwait(false);
                await unfit.CancelAsync().ConfigureAwait(false);
            }
            catch (OperationCanceledException) when (unfit.IsCancellationRequested)
            {
                // The turn ended first.
            }
        }
    }

    private async Task<Turn> TakeTurnAsync(CancellationToken leaving)
    {
        Leadership leadership;
        try
        {
            leadership = await election.CampaignAsync(leaving).ConfigureAwait(false);
        }
        catch (ElectionException refused)
        {
            Log.CampaignRefused(log, election.Name, refused);
            return Turn.Failed;
        }

        var elected = time.GetTimestamp();
        bool failed;
        try
        {
            failed = await new LeaderTerm(leadership, work, options, scopes, time, log).RunAsync(leaving).ConfigureAwait(false);
        }
        finally
        {
            await ResignAsync(leadership).ConfigureAwait(false);
        }

        if (!failed)
            return Turn.Ended;
        return time.GetElapsedTime(elected) > options.RestartDelayMax ? Turn.FailedLate : Turn.Failed;
    }

    private async Task ResignAsync(Leadership leadership)
    {
        using var activity = Telemetry.Activities.StartActivity("conclave.resign");
        activity?.SetTag(Telemetry.ElectionTag, election.Name);
        var result = await leadership.ResignAsync(CancellationToken.None).ConfigureAwait(false);
        activity?.SetTag("conclave.resign.result", result.ToString());
        if (leadership.LossReason is LossReason.Resigned)
            Log.Resigned(log, election.Name, leadership.FencingToken, result);
    }
}
