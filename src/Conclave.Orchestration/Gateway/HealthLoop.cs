using System.Threading.Channels;
using Microsoft.Extensions.Logging;

namespace Conclave.Orchestration.Gateway;

/// <summary>
/// Finds instances that are silent while requests wait for them, and brings back those that are out. One timer for all requests, and
/// none while nothing is in flight and nobody is out.
/// </summary>
internal sealed class HealthLoop(GatewayOptions options, ILogger log)
{
    private static readonly TimeSpan Tick = TimeSpan.FromMilliseconds(25);

    /// <summary>Ticks without work before the timer rests, so that it is not set and cleared for each of a few requests.</summary>
    private const int IdleTicksMax = 40;

    private readonly Channel<bool> _wake = Channel.CreateBounded<bool>(1);
    private int _asleep;

    /// <summary>Called by every request; costs a read while the loop is awake.</summary>
    public void Wake()
    {
        if (Volatile.Read(ref _asleep) == 1 && Interlocked.Exchange(ref _asleep, 0) == 1) _wake.Writer.TryWrite(true);
    }

    public async Task RunAsync(Rotation rotation, CancellationToken stopping)
    {
        using var timer = new PeriodicTimer(Tick);
        var idleTicks = 0;
        try
        {
            while (true)
            {
                idleTicks = Sweep(rotation, stopping) ? 0 : idleTicks + 1;
                if (idleTicks < IdleTicksMax)
                {
                    await timer.WaitForNextTickAsync(stopping);
                    continue;
                }

                timer.Period = Timeout.InfiniteTimeSpan;
                Volatile.Write(ref _asleep, 1);
                // Once more after saying so: what came before did not wake us.
                if (!Sweep(rotation, stopping)) await _wake.Reader.ReadAsync(stopping);
                else if (Interlocked.Exchange(ref _asleep, 0) == 0) await _wake.Reader.ReadAsync(stopping);
                timer.Period = Tick;
                idleTicks = 0;
            }
        }
        catch (OperationCanceledException) when (stopping.IsCancellationRequested)
        {
            await Task.WhenAll(rotation.All.Select(b => b.Probe ?? Task.CompletedTask));
        }
    }

    /// <summary>True when there is something to watch.</summary>
    private bool Sweep(Rotation rotation, CancellationToken stopping)
    {
        rotation.DropEnded();
        var now = Environment.TickCount64;
        var busy = false;
        foreach (var backend in rotation.All)
        {
            if (backend.Probe is { IsCompleted: true }) backend.Probe = null;
            var waiting = backend.TryGetOldestUnanswered(out var startedMs);
            var isOut = backend is { OutWhy: not null, Removed: false };
            busy |= waiting || isOut || backend.Removed || backend.Probe is not null;
            if (waiting && now - startedMs >= options.Limits.AnswerTimeout.TotalMilliseconds)
                backend.Cut(CutWhy.Late, a => now - a.StartedMs >= options.Limits.AnswerTimeout.TotalMilliseconds);

            if (backend.Probe is not null) continue;
            if (waiting && now - backend.HeardMs >= options.Probe.Silence.TotalMilliseconds)
                backend.Probe = QuestionAsync(rotation, backend, stopping);
            else if (isOut && now >= backend.NextProbeMs)
                backend.Probe = CallBackAsync(rotation, backend, stopping);
        }

        return busy;
    }

    /// <summary>Is a silent instance slow or stopped? The slow one answers the probe.</summary>
    private async Task QuestionAsync(Rotation rotation, Backend backend, CancellationToken stopping)
    {
        var heardBefore = backend.HeardMs;
        // A timeout that itself came late says that we were short of time, not the instance. Such ones count half as much.
        for (double misses = 0; misses < options.Probe.Timeouts;)
        {
            var asked = Environment.TickCount64;
            var answer = await Probe.AskAsync(backend.Instance, options.Probe.Timeout, stopping);
            if (stopping.IsCancellationRequested || backend.HeardMs != heardBefore) return;
            switch (answer)
            {
                case ProbeAnswer.Ready or ProbeAnswer.NotReady:
                    backend.Heard();
                    return;
                case ProbeAnswer.Refused:
                    TakeOut(rotation, backend, "refuses connections", CutWhy.Silent);
                    return;
                default:
                    misses += Environment.TickCount64 - asked > 2 * options.Probe.Timeout.TotalMilliseconds ? 0.5 : 1;
                    break;
            }
        }

        TakeOut(rotation, backend, "silent", CutWhy.Silent);
    }

    private async Task CallBackAsync(Rotation rotation, Backend backend, CancellationToken stopping)
    {
        var answer = await Probe.AskAsync(backend.Instance, options.Probe.Timeout, stopping);
        var now = Environment.TickCount64;
        var outFor = now - backend.OutSinceMs;
        if (answer == ProbeAnswer.Ready)
        {
            rotation.PutBack(backend);
            log.BackInRotation(backend.Id, outFor);
            return;
        }

        var pause = Math.Clamp(outFor / 20.0, options.Probe.IntervalMin.TotalMilliseconds, options.Probe.IntervalMax.TotalMilliseconds);
        backend.NextProbeMs = now + (long)pause;
    }

    private void TakeOut(Rotation rotation, Backend backend, string why, CutWhy cut)
    {
        if (rotation.TakeOut(backend, why, cut)) log.OutOfRotation(backend.Id, why);
    }
}
