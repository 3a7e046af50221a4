using Conclave.Bench.Elections.Contestants;
using Conclave.Bench.Elections.Machine;

namespace Conclave.Bench.Elections.Drills;

/// <summary>A contestant as a drill sees it: orders go in, moments on the machine's clock come out.</summary>
internal interface ITurns : IAsyncDisposable
{
    /// <summary>Returns when it takes orders.</summary>
    Task ReadyAsync();

    /// <summary>Returns when it leads, with the moment from which it did.</summary>
    Task<long> StandAsync();

    /// <summary>Returns when it has given up, with the moments at which it began to and at which the backend had answered.</summary>
    Task<(long Began, long Answered)> ResignAsync();

    /// <summary>kill -9, at the moment returned.</summary>
    long Kill();
}

/// <summary>In a process of its own.</summary>
internal sealed class ChildTurns(Child child) : ITurns
{
    public Task ReadyAsync() => child.HearAsync("ready");

    public async Task<long> StandAsync()
    {
        child.Tell("stand");
        return Child.Ns((await child.HearAsync("elected")).Words);
    }

    public async Task<(long Began, long Answered)> ResignAsync()
    {
        child.Tell("resign");
        var (words, ns) = await child.HearAsync("resigned");
        return (Child.Ns(words), ns);
    }

    public long Kill() => child.Kill();

    public async ValueTask DisposeAsync() => await child.LeaveAsync();
}

/// <summary>In this process.</summary>
internal sealed class LocalTurns(IContestant contestant) : ITurns
{
    public Task ReadyAsync() => Task.CompletedTask;

    public async Task<long> StandAsync()
    {
        await contestant.StandAsync();
        return Clock.Ns;
    }

    public async Task<(long Began, long Answered)> ResignAsync()
    {
        var began = Clock.Ns;
        await contestant.ResignAsync();
        return (began, Clock.Ns);
    }

    public long Kill() => throw new NotSupportedException("It would be our own end.");

    public ValueTask DisposeAsync() => contestant.DisposeAsync();
}
