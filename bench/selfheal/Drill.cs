using System.Globalization;
using System.Text.RegularExpressions;
using Conclave.Bench.SelfHeal.Host;
using Conclave.Bench.SelfHeal.Load;
using Conclave.Bench.SelfHeal.Report;
using Conclave.Bench.SelfHeal.Subjects;

namespace Conclave.Bench.SelfHeal;

/// <summary>Does one kind of fault to the cluster again and again, and reads from its events, its gateways and the clients what became of it.</summary>
internal sealed partial class Drill(Place place, ConclaveCluster cluster, OpenLoop load, double ownStartMs)
{
    private const int InFlightAtLeast = 20;
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(40);

    /// <summary>Times come from the logs of what happened, so this is only how late we go on. Looking oftener takes the core from what is measured.</summary>
    private static readonly TimeSpan Look = TimeSpan.FromMilliseconds(250);
    private static readonly TimeSpan BrokenFor = TimeSpan.FromSeconds(4);
    private static readonly string[] Nodes = ["node-1", "node-2", "node-3"];
    private readonly EventTail _events = cluster.Events;

    /// <summary>What is measured of a fault, and what the project promises of it.</summary>
    private static IReadOnlyList<Metric> MetricsOf(Fault fault) => fault switch
    {
        Fault.Instance =>
        [
            Metrics.InFlight, Metrics.Told, Metrics.Noticed.AtMost(10), Metrics.NoticedOver, Metrics.OutOfRotation.AtMost(20), Metrics.Restarted, Metrics.Ready, Metrics.InRotation, Metrics.Serving, Metrics.OwnStart, Metrics.ServingOver.AtMost(50),
            Metrics.FailedGets.Never(), Metrics.FailedPosts, Metrics.Truncated, Metrics.Gap, Metrics.Slowest,
        ],
        Fault.Worker =>
        [
            Metrics.InFlight, Metrics.Noticed, Metrics.Restarted, Metrics.Ready, Metrics.Failed.Never(), Metrics.Restarts.Never(), Metrics.Gap, Metrics.Slowest,
        ],
        Fault.Leader =>
        [
            Metrics.InFlight, Metrics.NewLeader.AtMost(150), Metrics.Noticed, Metrics.Restarted, Metrics.Ready, Metrics.Failed.Never(), Metrics.Restarts.Never(), Metrics.Gap, Metrics.Slowest,
        ],
        Fault.Gateway =>
        [
            Metrics.InFlight, Metrics.Told, Metrics.Noticed, Metrics.NoticedOver, Metrics.Restarted, Metrics.Ready, Metrics.Failed, Metrics.FailedLater.Never(), Metrics.FailedFresh.Never(),
            Metrics.SlowestFresh, Metrics.Gap, Metrics.Slowest,
        ],
        Fault.TwoNodes =>
        [
            Metrics.InFlight, Metrics.NewLeader, Metrics.Restarted, Metrics.Failed.Never(), Metrics.Restarts.Never(), Metrics.Gap, Metrics.Slowest,
        ],
        Fault.StopInstance =>
        [
            Metrics.InFlight, Metrics.OutOfRotation, Metrics.Noticed, Metrics.Restarted, Metrics.Serving, Metrics.FailedGets.Never(), Metrics.FailedPosts, Metrics.Truncated,
            Metrics.Gap, Metrics.Slowest.AtMost(1_500, Binds.Every),
        ],
        Fault.StopLeader =>
        [
            Metrics.InFlight, Metrics.NewLeader.AtMost(2_500), Metrics.Noticed, Metrics.Restarted, Metrics.Failed.Never(), Metrics.Restarts.Never(), Metrics.Gap, Metrics.Slowest,
        ],
        Fault.StopGateway =>
        [
            Metrics.InFlight, Metrics.Noticed, Metrics.Restarted, Metrics.Ready, Metrics.Failed, Metrics.FailedFresh.Never(), Metrics.SlowestFresh, Metrics.Gap, Metrics.Slowest,
        ],
        _ =>
        [
            Metrics.Attempts, Metrics.BackOff, Metrics.Back, Metrics.BackOver.AtMost(50), Metrics.FailedGets.Never(), Metrics.FailedPosts, Metrics.Gap, Metrics.Slowest,
        ],
    };

    /// <summary>
    /// From the kill of an instance until the next one. A new process of the sample spends a third of a core on recompiling what it runs often, for five to six seconds; a fault
    /// in the midst of it would be measured against what the last one left behind.
    /// </summary>
    public static readonly TimeSpan InstanceCycle = TimeSpan.FromSeconds(8);

    /// <summary>Long enough that each target has been well for ten seconds when it is its turn again, so that no back-off is measured.</summary>
    private static TimeSpan CycleOf(Fault fault) => fault switch
    {
        Fault.Gateway => TimeSpan.FromSeconds(6),
        Fault.Instance => InstanceCycle,
        Fault.TwoNodes or Fault.StopLeader => TimeSpan.FromSeconds(5),
        _ => TimeSpan.FromSeconds(3.5),
    };

    public async Task<Series> RunAsync(Fault fault, int count)
    {
        var series = new Series(FaultNames.TitleOf(fault), MetricsOf(fault));
        for (var i = 0; i < count; i++)
        {
            var recovered = fault == Fault.CrashLoop ? await CrashLoopAsync(series, 1 + (i % 3)) : await OnceAsync(series, fault, i);
            series.Kills++;
            if (!recovered)
                series.NotRecovered++;
            if ((!recovered || fault is not (Fault.Instance or Fault.Worker or Fault.Leader or Fault.Gateway)) && !await cluster.HealthyAsync(Patience))
            {
                Console.Error.WriteLine($"{FaultNames.NameOf(fault)} {(i + 1).ToString(CultureInfo.InvariantCulture)}: not healthy again, the rest of this kind is left out: {await cluster.StatusAsync()}");
                break;
            }

            Console.Error.Write('.');
        }

        Console.Error.WriteLine($" {FaultNames.NameOf(fault)} {series.Kills.ToString(CultureInfo.InvariantCulture)}");
        return series;
    }

    private async Task<bool> OnceAsync(Series series, Fault fault, int turn)
    {
        _events.Read();
        var targets = TargetsOf(fault, turn);
        var pids = targets.ConvertAll(t => _events.Pids[t]);
        var (leader, token) = (_events.Leader, _events.Token);
        var ownStart = fault == Fault.Instance ? await OwnStartUp.MeasureMsAsync(place) : (double?)null;
        await PrepareAsync();
        series.Add(Metrics.InFlight, load.InFlight);
        var watch = fault is Fault.Instance or Fault.Gateway ? ExitWatch.Of(pids[0]) : null;
        var began = Clock.Ns;
        foreach (var pid in pids)
            Kernel.Signal(pid, fault is Fault.StopInstance or Fault.StopLeader or Fault.StopGateway ? Kernel.SigStop : Kernel.SigKill);

        List<Happened> happened = [];
        var recovered = false;
        while (!recovered && Clock.MsSince(began) < Patience.TotalMilliseconds)
        {
            await Task.Delay(Look);
            happened = _events.Since(began);
            recovered = HasRecovered(fault, targets, leader, token, happened, began);
        }

        var recoveredAt = Clock.Ns;
        Note(series, fault, targets, leader, token, happened, began);
        if (watch is not null && ExitedNs(happened, targets[0]) is { } noticed)
        {
            var told = await watch.ToldNsAsync();
            series.Add(Metrics.Told, (told - began) / 1e6);
            series.Add(Metrics.NoticedOver, (noticed - told) / 1e6);
        }

        if (fault is Fault.Instance or Fault.StopInstance)
        {
            var rotation = await cluster.RotationAsync();
            series.Add(Metrics.OutOfRotation, OutOfRotationMs(rotation, targets[0], began));
            series.Add(Metrics.InRotation, InRotationMs(rotation, targets[0], StartedNs(happened, targets[0]), began));
        }

        await RestAsync(began, CycleOf(fault));
        var answers = load.Take();
        if (fault is Fault.Instance or Fault.StopInstance)
        {
            var serving = ServingMs(answers, targets[0], began);
            series.Add(Metrics.Serving, serving);
            series.Add(Metrics.OwnStart, ownStart);
            series.Add(Metrics.ServingOver, serving - ownStart);
        }

        var ended = ExitedNs(happened, targets[0]) ?? began;
        new Window(began, ended, recoveredAt, answers).AddTo(series);
        return recovered;
    }

    private List<string> TargetsOf(Fault fault, int turn)
    {
        var leader = _events.Leader;
        var followers = Nodes.Where(n => n != leader).ToList();
        return fault switch
        {
            Fault.Instance or Fault.StopInstance => [$"web/{(1 + (turn % 3)).ToString(CultureInfo.InvariantCulture)}"],
            Fault.Gateway or Fault.StopGateway => [$"gateway/{(1 + (turn % 2)).ToString(CultureInfo.InvariantCulture)}"],
            Fault.Worker => [followers[turn % 2]],
            Fault.Leader or Fault.StopLeader => [leader],
            _ => turn % 2 == 0 ? [leader, followers[turn / 2 % 2]] : followers,
        };
    }

    private bool HasRecovered(Fault fault, List<string> targets, string leader, long token, List<Happened> happened, long began) => fault switch
    {
        Fault.Instance or Fault.StopInstance => ReadyNs(happened, targets[0]) is not null && load.Any(a => IsBy(a, targets[0], began)),
        Fault.Gateway or Fault.StopGateway => ReadyNs(happened, targets[0]) is not null,
        Fault.Worker => AnswersAgainNs(happened, targets[0]) is not null,
        Fault.Leader or Fault.StopLeader => NewLeaderNs(happened, leader, token) is not null && AnswersAgainNs(happened, targets[0]) is not null,
        _ => targets.TrueForAll(t => StartedNs(happened, t) is not null) && (!targets.Contains(leader) || happened.Exists(e => e.Kind == "leader-elected" && e.Token > token)),
    };

    private static void Note(Series series, Fault fault, List<string> targets, string leader, long token, List<Happened> happened, long began)
    {
        var first = targets[0];
        var noticed = fault switch
        {
            Fault.Instance or Fault.Gateway => EndingNs(happened, first) ?? ExitedNs(happened, first),
            Fault.StopInstance or Fault.StopGateway => happened.Find(e => e.Kind is "instance-hung" or "instance-unready" && e.Subject == first)?.MonoNs,
            _ => happened.Find(e => e.Kind == "node-lost" && e.Subject == first)?.MonoNs,
        };
        series.Add(Metrics.Noticed, Ms(noticed));
        series.Add(Metrics.Restarted, Ms(targets.TrueForAll(t => StartedNs(happened, t) is not null) ? targets.Max(t => StartedNs(happened, t)) : null));
        series.Add(Metrics.Ready, Ms(first.StartsWith("node", StringComparison.Ordinal) ? AnswersAgainNs(happened, first) : ReadyNs(happened, first)));
        series.Add(Metrics.NewLeader, Ms(targets.Contains(leader) ? NewLeaderNs(happened, leader, token) : null));
        series.Add(Metrics.Restarts, happened.Count(e => e.Kind == "instance-started"));

        double? Ms(long? ns) => ns is { } at ? (at - began) / 1e6 : null;
    }

    private static long? EndingNs(List<Happened> happened, string instance) => happened.Find(e => e.Kind == "instance-ending" && e.Subject == instance)?.MonoNs;

    private static long? ExitedNs(List<Happened> happened, string instance) => happened.Find(e => e.Kind == "instance-exited" && e.Subject == instance)?.MonoNs;

    private static long? ReadyNs(List<Happened> happened, string instance) => happened.Find(e => e.Kind == "instance-ready" && e.Subject == instance && e.MonoNs > StartedNs(happened, instance))?.MonoNs;

    private static long? StartedNs(List<Happened> happened, string subject) =>
        happened.Find(e => e.Kind is "instance-started" or "node-started" && e.Subject == subject)?.MonoNs;

    /// <summary>The leader takes its order back once the new process of the node answers its ping.</summary>
    private static long? AnswersAgainNs(List<Happened> happened, string node) =>
        happened.Find(e => e.Kind == "node-replaced" && e.Subject == node && e.Why.StartsWith("it answers again", StringComparison.Ordinal))?.MonoNs;

    /// <summary>Not the old one: after a stop it may come back and win again.</summary>
    private static long? NewLeaderNs(List<Happened> happened, string old, long token) =>
        happened.Find(e => e.Kind == "leader-elected" && e.Token > token && e.Subject != old)?.MonoNs;

    private bool IsBy(Answer answer, string instance, long began) =>
        answer.Outcome == Outcome.Good && answer.DoneNs > began && answer.Instance == instance && answer.Pid == _events.Pids[instance];

    private double? ServingMs(List<Answer> answers, string instance, long began)
    {
        var first = answers.Where(a => IsBy(a, instance, began)).Select(a => a.DoneNs).DefaultIfEmpty(0).Min();
        return first == 0 ? null : (first - began) / 1e6;
    }

    /// <summary>The last gateway's first word that the instance has left; null when one of them did not say so.</summary>
    private static double? OutOfRotationMs(List<List<RotationChange>> gateways, string instance, long began)
    {
        var left = gateways.ConvertAll(changes => changes.Where(c => c.Id == instance && !c.Arrived && c.MonoNs >= began).Select(c => c.MonoNs).DefaultIfEmpty(0).Min());
        return left.Count == 0 || left.Contains(0) ? null : (left.Max() - began) / 1e6;
    }

    /// <summary>The first gateway's word that its new process has arrived.</summary>
    private static double? InRotationMs(List<List<RotationChange>> gateways, string instance, long? started, long began)
    {
        var arrived = gateways.SelectMany(changes => changes).Where(c => c.Id == instance && c.Arrived && c.MonoNs >= started).Select(c => c.MonoNs).DefaultIfEmpty(0).Min();
        return arrived == 0 ? null : (arrived - began) / 1e6;
    }

    /// <summary>An instance that ends at each start, until it is mended.</summary>
    private async Task<bool> CrashLoopAsync(Series series, int number)
    {
        var name = $"web/{number.ToString(CultureInfo.InvariantCulture)}";
        _events.Read();
        await PrepareAsync();
        cluster.Break(number);
        var began = Clock.Ns;
        Kernel.Signal(_events.Pids[name], Kernel.SigKill);
        await Task.Delay(BrokenFor);

        // Mended in the middle of a wait, not of a start.
        while (_events.Since(began).FindLast(e => e.Subject == name) is not { Kind: "instance-exited" or "instance-crash-loop" })
            await Task.Delay(10);
        cluster.Mend(number);
        var mended = Clock.Ns;
        var before = _events.Since(began).Where(e => e.Subject == name && e.MonoNs < mended).ToList();
        var delay = before.Select(e => Delay().Match(e.Why)).LastOrDefault(m => m.Success) is { } said ? 1_000 * double.Parse(said.Groups[1].Value, CultureInfo.InvariantCulture) : 0;
        series.Add(Metrics.Attempts, before.Count(e => e.Kind == "instance-started"));
        series.Add(Metrics.BackOff, delay);

        long? ready = null;
        while (ready is null && Clock.MsSince(mended) < Patience.TotalMilliseconds)
        {
            await Task.Delay(Look);
            ready = _events.Since(mended).Find(e => e.Kind == "instance-ready" && e.Subject == name)?.MonoNs;
        }

        var recoveredAt = Clock.Ns;
        if (ready is { } at)
        {
            series.Add(Metrics.Back, (at - mended) / 1e6);
            series.Add(Metrics.BackOver, Math.Max(0, ((at - mended) / 1e6) - delay - ownStartMs));
        }

        await RestAsync(began, TimeSpan.FromSeconds(6));
        new Window(began, began, recoveredAt, load.Take()).AddTo(series);
        return ready is not null;
    }

    /// <summary>A fault hits a load that is under way: all before it has ended, enough is in flight.</summary>
    private async Task PrepareAsync()
    {
        await Task.Delay(300);
        for (var began = Clock.Ns; load.InFlight < InFlightAtLeast && Clock.MsSince(began) < 2_000;)
            await Task.Delay(2);
        _ = load.Take();
    }

    private async Task RestAsync(long began, TimeSpan cycle)
    {
        // What was in flight while the fault lasted belongs to it, however late it ends.
        while (Clock.MsSince(began) < cycle.TotalMilliseconds || load.OldestOutstandingNs < Clock.Ns - 1_000_000_000)
            await Task.Delay(20);
    }

    [GeneratedRegex(@"in ([0-9.]+) s$")]
    private static partial Regex Delay();
}
