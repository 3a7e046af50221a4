using Conclave.Consensus.Raft;
using Xunit.Abstractions;

namespace Conclave.Simulation.Tests;

/// <summary>Known mistakes are switched on and random seeds find them: a check that cannot fail proves nothing.</summary>
[Collection(Seeds.Collection)]
public sealed class PlantedBugTests(ITestOutputHelper output)
{
    private const int SeedsMax = 400;
    private const int SeedsAtOnce = 8;

    [Fact]
    public void A_vote_forgotten_over_a_restart_is_found() => AssertFound(
        new SimulationOptions { PlantedBug = PlantedBug.ForgetVoteOnRestart, Weather = Profile("forgetful voters"), Operations = 500 }, "ElectionSafety", "Invariant");

    [Fact]
    public void An_older_terms_entry_committed_by_counting_is_found() => AssertFound(
        new SimulationOptions { PlantedBug = PlantedBug.CommitOlderTermByCounting, Weather = Profile("falling leaders") with { FirstElectionTicksMax = 0 }, Operations = 1_000 }, "LeaderCompleteness", "StateMachineSafety", "Invariant");

    [Fact]
    public void A_disk_that_lies_about_its_flushes_is_found() => AssertFound(LyingDisks, "LeaderCompleteness", "StateMachineSafety", "Invariant");

    [Fact]
    public void The_clients_alone_notice_that_acknowledged_writes_are_gone() => AssertFound(LyingDisks with { WatchLogs = false }, "AcknowledgedWritesSurvive");

    [Fact]
    public void Reads_that_no_quorum_confirmed_are_found() => AssertFound(new SimulationOptions { ReadsUnconfirmed = true }, "Linearizability");

    [Fact]
    public void Members_whose_stores_differ_are_found_by_what_is_in_them() => AssertFound(new SimulationOptions { EntriesBlanked = true, WatchLogs = false, Operations = 500 }, "RevisionsAgree");

    [Fact]
    public void Leases_that_end_early_are_found() => AssertFound(new SimulationOptions { ClocksRace = true, Operations = 500 }, "LeaseSafety");

    private static SimulationOptions LyingDisks => new() { DisksLie = true, Weather = Profile("outages") with { Blackout = 8 } };

    private void AssertFound(SimulationOptions options, params string[] invariants)
    {
        for (var seed = 1; seed <= SeedsMax; seed += SeedsAtOnce)
        {
            foreach (var result in Seeds.Run([.. Enumerable.Range(seed, SeedsAtOnce)], options))
            {
                if (result.Violation is not { } violation)
                    continue;
                output.WriteLine($"seed {result.Seed}: {violation.Message}");
                if (invariants.Contains(violation.Invariant, StringComparer.Ordinal))
                    return;
            }
        }

        Assert.Fail($"Planted, and none of {SeedsMax} seeds found it.");
    }

    private static Weather Profile(string name) => Weather.Profiles.Single(w => w.Name == name);
}
