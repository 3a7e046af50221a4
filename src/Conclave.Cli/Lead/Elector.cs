using Conclave.Orchestration;
using Conclave.Orchestration.Processes;

namespace Conclave.Cli.Lead;

/// <summary>The first process of <c>conclave lead</c>: stands in the election, and while it leads has the program run under a guard.</summary>
internal sealed class Elector(ILeaderElection election, LeadOptions options, Action<string> tell)
{
    private static readonly TimeSpan FirstPause = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan LongestPause = TimeSpan.FromSeconds(30);

    /// <summary>A program that worked for this long did not fail at once, and the next pause is short again.</summary>
    private static readonly TimeSpan Healthy = TimeSpan.FromSeconds(10);

    private TimeSpan _pause = FirstPause;

    /// <summary>Leads until asked to stop or, by its policy, until the program has ended. Returns the exit code.</summary>
    public async Task<int> RunAsync(CancellationToken stopping)
    {
        while (true)
        {
            Leadership leadership;
            try
            {
                tell($"waits to lead {options.Election}");
                leadership = await election.CampaignAsync(stopping);
            }
            catch (OperationCanceledException) when (stopping.IsCancellationRequested)
            {
                return LeadExitCode.Interrupted;
            }

            // Resigned before anything else: the next leader does not wait for our pause.
            int? code;
            await using (leadership)
            {
                tell($"leads {options.Election}, token {leadership.FencingToken}");
                code = await LeadAsync(leadership, stopping);
            }

            if (code is { } known)
                return known;
            if (!await PauseAsync(stopping))
                return LeadExitCode.Interrupted;
        }
    }

    /// <summary>One leadership. Null: stand again; else the code to exit with.</summary>
    private async Task<int?> LeadAsync(Leadership leadership, CancellationToken stopping)
    {
        while (true)
        {
            var began = Instant.Now(BootTime.Provider);
            var outcome = await GuardedRun.RunAsync(leadership, options, stopping);
            if (Instant.Now(BootTime.Provider) - began > Healthy)
                _pause = FirstPause;
            switch (outcome)
            {
                case RunOutcome.NotStarted failed:
                    throw new ConclaveException(failed.Why, failed.Code);
                case RunOutcome.BrokenOff broken:
                    tell($"the program was ended: {broken.Why}");
                    return stopping.IsCancellationRequested ? LeadExitCode.Interrupted : null;
                case RunOutcome.Ended ended:
                    tell($"the program ended with code {ended.Code}");
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
