using Conclave.Consensus;
using Conclave.Simulation.World;

namespace Conclave.Simulation;

/// <summary>
/// Lets faults happen, one after another and sometimes on top of each other, until the run has seen what every run has to see; then takes all of them
/// back but for a minority.
/// </summary>
internal sealed class Storm(SimulatedCluster cluster, Weather weather, Random random, SimulationOptions options)
{
    private const long LastMax = 6 * Agenda.Second;
    private bool _over;

    private enum Fault
    {
        Partition,
        OneWay,
        Kill,
        PowerLoss,
        Blackout,
        Pause,
        FailedFlush,

        /// <summary>Has no weight: it comes when a torn write is still missing, which other losses of power leave to chance.</summary>
        PowerLossInFlush,
    }

    /// <summary>Nothing is missing any more.</summary>
    public bool HasSeenAll =>
        cluster.Operations >= options.Operations && cluster.Elections >= options.Elections && cluster.Network.Partitions >= 1 && cluster.TornWrites >= 1;

    public void Begin() => PlanNext();

    /// <summary>All faults end, but a minority stays away: down, or cut off. Returns who is left.</summary>
    public IReadOnlyList<PeerId> LeaveQuorum()
    {
        _over = true;
        cluster.Calm = true;
        cluster.Network.Calm = true;
        cluster.Network.Heal(cluster.Ids);
        var shuffled = cluster.Ids.ToArray();
        random.Shuffle(shuffled);
        var quorum = shuffled[..((shuffled.Length / 2) + 1)];
        Array.Sort(quorum);
        var away = cluster.Ids.Except(quorum).ToArray();
        foreach (var member in cluster.Members)
        {
            member.Disk.Calm();
            member.Disk.FlushLatency = (50, 500);
        }

        if (random.Next(2) == 0)
        {
            cluster.Network.Cut(away, quorum);
            cluster.Network.Cut(quorum, away);
        }
        else
        {
            foreach (var id in away)
                cluster.Kill(id, powerLoss: random.Next(2) == 0);
        }

        foreach (var id in quorum)
            cluster.Start(id);
        cluster.Reachable = quorum;
        cluster.Trace.Say($"the storm is over; left are {string.Join(' ', quorum)}");
        return quorum;
    }

    /// <summary>The rest comes back too.</summary>
    public void BringBackAll()
    {
        cluster.Network.Heal(cluster.Ids);
        foreach (var id in cluster.Ids)
            cluster.Start(id);
        cluster.Reachable = cluster.Ids;
        cluster.Trace.Say("all are back");
    }

    private void PlanNext() => cluster.Agenda.After(random.NextInt64(50_000, weather.QuietMax), () =>
    {
        if (_over)
            return;
        Strike(Draw());
        PlanNext();
    });

    /// <summary>By weight; once the operations are done, what is still missing.</summary>
    private Fault Draw()
    {
        if (cluster.Operations >= options.Operations)
        {
            if (cluster.TornWrites == 0)
                return Fault.PowerLossInFlush;
            if (cluster.Network.Partitions == 0)
                return Fault.Partition;
            if (cluster.Elections < options.Elections)
                return Fault.Kill;
        }

        ReadOnlySpan<int> weights = [weather.Partition, weather.OneWay, weather.Kill, weather.PowerLoss, weather.Blackout, weather.Pause, weather.FailedFlush];
        var sum = 0;
        foreach (var weight in weights)
            sum += weight;
        var drawn = random.Next(sum);
        for (var i = 0; i < weights.Length; i++)
        {
            drawn -= weights[i];
            if (drawn < 0)
                return (Fault)i;
        }

        throw new System.Diagnostics.UnreachableException();
    }

    private void Strike(Fault fault)
    {
        var victim = Victim();
        cluster.Trace.Say($"fault: {fault} ({victim.Id})");
        switch (fault)
        {
            case Fault.Partition:
                Split();
                break;
            case Fault.OneWay:
                CutOneWay(victim.Id);
                break;
            case Fault.Kill:
                cluster.Kill(victim.Id, powerLoss: false);
                break;
            case Fault.PowerLoss:
                victim.Disk.LosePowerAt(random.Next(1, 12));
                break;
            case Fault.Blackout:
                foreach (var id in cluster.Ids)
                    cluster.Kill(id, powerLoss: true);
                break;
            case Fault.Pause:
                victim.Pause(random.NextInt64(100_000, 5_000_000));
                break;
            case Fault.FailedFlush:
                victim.Disk.FailFlushAt(random.Next(1, 6));
                break;
            case Fault.PowerLossInFlush:
                victim.Disk.LosePowerInFlush();
                break;
            default:
                throw new System.Diagnostics.UnreachableException();
        }
    }

    /// <summary>The leader more often than others.</summary>
    private SimulatedMember Victim() =>
        random.Next(2) == 0 && cluster.Leader is { } leader ? leader : cluster[cluster.Ids[random.Next(cluster.Ids.Count)]];

    private void Split()
    {
        var left = cluster.Ids.Where(_ => random.Next(2) == 0).ToArray();
        if (left.Length == 0 || left.Length == cluster.Ids.Count)
            left = [Victim().Id];
        var right = cluster.Ids.Except(left).ToArray();
        cluster.Network.Cut(left, right);
        cluster.Network.Cut(right, left);
        HealLater();
    }

    private void CutOneWay(PeerId victim)
    {
        var others = cluster.Ids.Where(id => id != victim && random.Next(3) > 0).ToArray();
        if (random.Next(2) == 0)
            cluster.Network.Cut([victim], others);
        else
            cluster.Network.Cut(others, [victim]);
        HealLater();
    }

    private void HealLater() => cluster.Agenda.After(random.NextInt64(200_000, LastMax), () =>
    {
        if (!_over)
            cluster.Network.Heal(cluster.Ids);
    });
}
