using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace Conclave;

/// <summary>One leadership put to work: runs all services side by side and ends when they have all ended. For one run.</summary>
internal sealed class LeaderTerm(
    Leadership leadership,
    IReadOnlyList<LeaderWork> work,
    LeaderElectionOptions options,
    IServiceScopeFactory scopes,
    TimeProvider time,
    ILogger log)
{
    private readonly TaskCompletionSource _over = new(TaskCreationOptions.RunContinuationsAsynchronously);

    // Lost reaches us by a callback, on another thread; code that asked the lease itself is ahead of it.
    private bool IsOver => _over.Task.IsCompleted || !leadership.IsHeld;

    /// <summary>
    /// Runs until the leadership is lost, <paramref name="leaving"/>, or a service fails; true when one failed. Services that returned leave it idle. The caller resigns, and may: nothing runs any more.
    /// </summary>
    public async Task<bool> RunAsync(CancellationToken leaving)
    {
        using var stopping = new CancellationTokenSource();
        using var left = leaving.UnsafeRegister(static over => ((TaskCompletionSource)over!).TrySetResult(), _over);
        using var lost = leadership.Lost.UnsafeRegister(static over => ((TaskCompletionSource)over!).TrySetResult(), _over);

        // Each on the pool, because a service may compute before its first await, and must not keep the others from starting.
        var running = Task.WhenAll(work.Select(service => Task.Run(() => RunAsync(service, stopping.Token), CancellationToken.None)));
        await _over.Task.ConfigureAwait(false);
        await SayUntilAsync(Task.WhenAll(running, TellAsync(stopping))).ConfigureAwait(false);
        return (await running.ConfigureAwait(false)).Any(failed => failed);
    }

    private async Task<bool> RunAsync(LeaderWork service, CancellationToken stopping)
    {
        var started = time.GetTimestamp();
        using var acting = AmbientLeadership.Enter(leadership);
        Exception? fault = null;
        var failed = false;
        try
        {
            Log.ServiceStarts(log, service.Name, leadership.Election, leadership.FencingToken);
            await service.RunAsync(scopes, options, leadership, stopping).ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (IsOver)
        {
            // As it should.
        }
        catch (Exception thrown)
        {
            // Once it was told to stop, how it did that is no reason to stay out of the next election.
            (fault, failed) = (thrown, !IsOver);
        }

        var ran = time.GetElapsedTime(started);
        Telemetry.Led(leadership, service.Name, ran, failed ? fault : null);
        if (failed)
            Log.ServiceFailed(log, service.Name, leadership.Election, leadership.FencingToken, fault!);
        else if (fault is not null)
            Log.ServiceEndedBadly(log, service.Name, leadership.Election, leadership.FencingToken, fault);
        else if (IsOver)
            Log.ServiceEnded(log, service.Name, leadership.Election, leadership.FencingToken, ran);
        else
            Log.ServiceDone(log, service.Name, leadership.Election, leadership.FencingToken, ran);

        if (failed)
            _over.TrySetResult();
        return failed;
    }

    /// <summary>A source of its own stands between the services and what ends the term: what their callbacks throw is theirs, and must not reach those who cancel.</summary>
    private async Task TellAsync(CancellationTokenSource stopping)
    {
        try
        {
            await stopping.CancelAsync().ConfigureAwait(false);
        }
        catch (AggregateException thrown)
        {
            Log.CallbackThrew(log, leadership.Election, leadership.FencingToken, thrown);
        }
    }

    /// <summary>Waits however long it takes: a service that is still at work must not meet its own successor in this process. Says so while it waits.</summary>
    private async Task SayUntilAsync(Task ended)
    {
        var since = time.GetTimestamp();
        while (!ended.IsCompleted)
        {
            using var done = new CancellationTokenSource();
            if (await Task.WhenAny(ended, Task.Delay(options.StopTimeout, time, done.Token)).ConfigureAwait(false) != ended)
                Log.ServicesStillAtWork(log, leadership.Election, leadership.FencingToken, time.GetElapsedTime(since));
            await done.CancelAsync().ConfigureAwait(false);
        }

        await ended.ConfigureAwait(false);
    }
}
