using Conclave.Orchestration;
using Conclave.Orchestration.Processes;

namespace Conclave.Cli.Lead;

/// <summary>The first process of <c>conclave lead</c> and <c>conclave lock</c>: stands in the election, and while it leads has the program run under a guard.</summary>
internal sealed class Elector(ILeaderElection election, LeadOptions options, Action<LeadEvent> tell)
{
    private static readonly TimeSpan FirstPause = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan LongestPause = TimeSpan.FromSeconds(30);

    /// <summary>A program that worked for this long did not fail at once, and the next pause is short again.</summary>
    private static readonly TimeSpan Healthy = TimeSpan.FromSeconds(10);

    private TimeSpan _pause = FirstPause;

    private static Instant Now => Instant.Now(BootTime.Provider);

    /// <summary>Leads until asked to stop or, by its policy, until the program has ended. Returns the exit code.</summary>
    public async Task<int> RunAsync(CancellationToken stopping)
    {
        while (true)
        {
            Leadership? leadership;
            try
            {
                tell(new LeadEvent.Waiting());
                leadership = await WinAsync(stopping);
            }
            catch (OperationCanceledException) when (stopping.IsCancellationRequested)
            {
                return LeadExitCode.Interrupted;
            }

            if (leadership is null)
            {
                tell(new LeadEvent.NotElected(options.Wait!.Value));
                return options.ConflictCode;
            }

            // Resigned before anything else: the next leader does not wait for our pause.
            int? code;
            await using (leadership)
            {
                tell(new LeadEvent.Elected(leadership.FencingToken, DateTimeOffset.UtcNow + (leadership.EndsAt - Now)));
                code = await LeadAsync(leadership, stopping);
            }

            if (leadership.LossReason == LossReason.Resigned)
                tell(new LeadEvent.Resigned());
            if (code is { } known)
                return known;
            if (!await PauseAsync(stopping))
                return LeadExitCode.Interrupted;
        }
    }

    /// <summary>Null: not in the time that was given.</summary>
    private async Task<Leadership?> WinAsync(CancellationToken stopping)
    {
        if (options.Wait is not { } wait)
            return await election.CampaignAsync(stopping);
        if (wait == TimeSpan.Zero)
            return await election.TryCampaignAsync(stopping);
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(stopping);
        patience.CancelAfter(wait);
        try
        {
            return await election.CampaignAsync(patience.Token);
        }
        catch (OperationCanceledException) when (!stopping.IsCancellationRequested)
        {
            return null;
        }
    }

    /// <summary>One leadership. Null: stand again; else the code to exit with.</summary>
    private async Task<int?> LeadAsync(Leadership leadership, CancellationToken stopping)
    {
        while (true)
        {
            var began = Now;
            var outcome = await RunOnceAsync(leadership, stopping);
            if (Now - began > Healthy)
                _pause = FirstPause;
            switch (outcome)
            {
                case RunOutcome.NotStarted failed:
                    throw new ConclaveException(failed.Why, failed.Code);
                case RunOutcome.BrokenOff broken:
                    tell(new LeadEvent.Lost(broken.Why));
                    if (stopping.IsCancellationRequested)
                        return LeadExitCode.Interrupted;

                    // What a lock guards was not done to its end, and to do it again is not for us to decide.
                    return options.Kind == RunKind.Lock ? LeadExitCode.OwnFailure : null;
                case RunOutcome.Ended ended:
                    tell(new LeadEvent.Exited(ended.Code));
                    if (stopping.IsCancellationRequested || options.OnExit == OnExit.Exit)
                        return ended.Code;
                    if (options.OnExit == OnExit.HandOver)
                        return null;
                    break;
                default:
                    throw new System.Diagnostics.UnreachableException();
            }

            using var over = CancellationTokenSource.CreateLinkedTokenSource(stopping, leadership.Lost);
            if (!await PauseAsync(over.Token))
                return stopping.IsCancellationRequested ? LeadExitCode.Interrupted : null;
        }
    }

    private async Task<RunOutcome> RunOnceAsync(Leadership leadership, CancellationToken stopping)
    {
        // A server may grant less than was asked for. The guard would ask the program to end before it had begun.
        if (leadership.EndsAt - Now < options.EndTime)
            return new RunOutcome.BrokenOff($"too little of the lease is left to start it with --grace {options.Grace.TotalSeconds:0.#}; if that comes again, the server grants less than --ttl: lower --grace");
        return await GuardedRun.RunAsync(leadership, options, tell, stopping);
    }

    private async Task<bool> PauseAsync(CancellationToken cancel)
    {
        var pause = _pause * (0.5 + (Random.Shared.NextDouble() / 2));
        _pause = 2 * _pause < LongestPause ? 2 * _pause : LongestPause;
        try
        {
            await Task.Delay(pause, cancel);
            return true;
        }
        catch (OperationCanceledException)
        {
            return false;
        }
    }
}
