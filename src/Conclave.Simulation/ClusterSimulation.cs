using Conclave.Consensus.Raft;
using Conclave.Simulation.Invariants;
using Conclave.Simulation.World;

namespace Conclave.Simulation;

/// <summary>What a run shall contain.</summary>
public sealed record SimulationOptions
{
    /// <summary>Clients, each with one operation at a time. Default 4.</summary>
    public int Clients { get; init; } = 4;

    /// <summary>Operations that the clients send before the storm may end. Default 1,000.</summary>
    public int Operations { get; init; } = 1_000;

    /// <summary>Elections that the storm must have seen. Default 3.</summary>
    public int Elections { get; init; } = 3;

    /// <summary>The weather; null (default): drawn from the seed.</summary>
    public Weather? Weather { get; init; }

    /// <summary>A known mistake in the algorithm, to show that it is found.</summary>
    internal PlantedBug PlantedBug { get; init; }

    /// <summary>Off: only what clients can see is checked, to show that it alone would do.</summary>
    internal bool WatchLogs { get; init; } = true;

    /// <summary>A known mistake in whoever runs a member: linearizable reads are answered without asking a quorum.</summary>
    internal bool ReadsUnconfirmed { get; init; }

    /// <summary>A known mistake in the disks: they say that they flushed and did not.</summary>
    internal bool DisksLie { get; init; }

    /// <summary>A known mistake in what carries messages: now and then an entry on its way to a follower loses its command, as if it were damaged and nobody looked.</summary>
    internal bool EntriesBlanked { get; init; }

    /// <summary>A known mistake in the clocks: all run twice as fast as they say, so leases end early.</summary>
    internal bool ClocksRace { get; init; }
}

/// <summary>What came of a run.</summary>
/// <param name="Seed">The seed that replays it.</param>
/// <param name="Weather">The profile's name.</param>
/// <param name="Violation">The broken promise; null when all held.</param>
/// <param name="Trace">The last lines of what happened.</param>
/// <param name="TraceHash">Over every line: equal for equal runs.</param>
/// <param name="Counts">What the run contained.</param>
public sealed record SimulationResult(int Seed, string Weather, InvariantViolatedException? Violation, IReadOnlyCollection<string> Trace, ulong TraceHash, SimulationCounts Counts);

/// <summary>What a run contained.</summary>
public sealed record SimulationCounts(int Members, int Operations, int AcknowledgedWrites, int Elections, int Partitions, int TornWrites, int FailedFlushes, int Processes, int LeasePromises, int LeaseExpirations, ulong Committed, double Seconds, long Steps);

/// <summary>
/// A whole cluster of real replicas in a simulated world, from one seed: a storm with clients in it, then a quorum alone that must make progress, then all
/// members, which must come to agree. Single-threaded; runs of different seeds share nothing.
/// </summary>
public static class ClusterSimulation
{
    private const long StormMax = 600 * Agenda.Second;

    /// <summary>A run takes some ten thousand.</summary>
    private const long StepsMax = 400_000;
    private const long ProgressMax = 30 * Agenda.Second;
    private const long AgreementMax = 60 * Agenda.Second;

    /// <summary>Operations that each client must complete once the faults leave a quorum alone.</summary>
    private const int ProgressOperations = 10;

    /// <summary>Runs one seed.</summary>
    public static SimulationResult Run(int seed, SimulationOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        var random = new Random(seed);
        var weather = options.Weather ?? Weather.Profiles[random.Next(Weather.Profiles.Count)];
        var cluster = new SimulatedCluster(weather, random, options);
        InvariantViolatedException? violation = null;
        try
        {
            Live(cluster, new Storm(cluster, weather, random, options));
            CheckHistory(cluster);
        }
        catch (InvariantViolatedException e)
        {
            violation = e;
            cluster.Trace.Say(e.Message);
        }
        catch (Exception e)
        {
            // A bug of ours anywhere below; the seed and the trace are what is needed to find it.
            violation = new InvariantViolatedException("NoException", e.ToString(), e);
            cluster.Trace.Say(e.ToString());
        }

        var counts = new SimulationCounts(
            cluster.Ids.Count, cluster.Operations, cluster.AcknowledgedWrites, cluster.Elections, cluster.Network.Partitions, cluster.TornWrites, cluster.FailedFlushes,
            cluster.Processes, cluster.Leases.Promises, cluster.Leases.Expirations, cluster.LastCommitted, cluster.Agenda.Now / (double)Agenda.Second, cluster.Agenda.Steps);
        return new SimulationResult(seed, weather.Name, violation, cluster.Trace.Lines, cluster.Trace.Hash, counts);
    }

    private static void Live(SimulatedCluster cluster, Storm storm)
    {
        cluster.Begin();
        storm.Begin();
        Until(cluster, StormMax, () => storm.HasSeenAll, "Storm", "the storm did not bring what every run must contain");

        var quorum = storm.LeaveQuorum();
        foreach (var client in cluster.Clients)
            client.Done = 0;
        Until(cluster, ProgressMax, () => cluster.Clients.All(c => c.Done >= ProgressOperations), "Liveness", $"a quorum ({string.Join(' ', quorum)}) is left alone and makes no progress");

        storm.BringBackAll();
        Until(cluster, AgreementMax, () => cluster.Members.All(m => m.Up), "Liveness", "not all members came back");
        cluster.ClientsMayStop = true;
        Until(cluster, AgreementMax, () => HasAgreed(cluster), "Liveness", "the members do not come to agree, or leases do not end");
        cluster.CheckAtRest();
    }

    private static bool HasAgreed(SimulatedCluster cluster)
    {
        if (cluster.Clients.Any(c => c.Busy) || cluster.Leader is not { } leader)
            return false;
        var at = leader.Replica!.Status;
        return cluster.Members.All(m => m.Replica!.Status is var status && status.Applied == at.Last.Index && status.Term == at.Term && m.Replica.Applier.Leases.Count == 0);
    }

    private static void Until(SimulatedCluster cluster, long patience, Func<bool> holds, string invariant, string otherwise)
    {
        var until = cluster.Agenda.Now + patience;
        while (!holds())
        {
            if (cluster.Agenda.Steps > StepsMax)
                throw new InvariantViolatedException("Liveness", $"more than {StepsMax} steps: members keep each other busy with nothing");
            if (cluster.Agenda.Now > until || !cluster.Agenda.Step())
                throw new InvariantViolatedException(invariant, otherwise);
        }
    }

    private static void CheckHistory(SimulatedCluster cluster)
    {
        foreach (var partition in cluster.History.GroupBy(o => o.Partition).OrderBy(g => g.Key))
        {
            switch (Linearizability.Check(partition))
            {
                case Verdict.Linearizable:
                    break;
                case Verdict.Broken:
                    throw new InvariantViolatedException("Linearizability", $"no order explains what the clients saw of partition {partition.Key} ({partition.Count()} operations)");
                case Verdict.Undecided:
                    throw new InvariantViolatedException("Linearizability", $"undecided within its bounds for partition {partition.Key} ({partition.Count()} operations)");
                default:
                    throw new System.Diagnostics.UnreachableException();
            }
        }
    }
}
