using System.Globalization;
using Conclave.Bench.Elections.Contestants;
using Conclave.Bench.Elections.Drills;
using Conclave.Bench.Elections.Machine;
using Conclave.Bench.Elections.Rivals;

namespace Conclave.Bench.Elections.Subjects;

/// <summary>How a backend's own part of a hand-over is known.</summary>
internal enum RoundTrips
{
    /// <summary>There is none: all is in one process.</summary>
    None,

    /// <summary>By requests of our own, without the library.</summary>
    RawRequests,

    /// <summary>By the answer to the resignation, which comes when the group has decided: there are no requests to send without the library.</summary>
    Answer,
}

/// <summary>One backend, started for this run, and what can be measured of it.</summary>
internal abstract class Subject : IAsyncDisposable
{
    public abstract string Name { get; }

    /// <summary>What contestant number <paramref name="number"/> needs to take part: the backend's word and where it is.</summary>
    public abstract string[] AddressOf(int number);

    /// <summary>After the death of its holder leadership is free when this has passed; null where no process can die alone.</summary>
    public virtual TimeSpan? Ttl => TimeSpan.FromSeconds(2);

    public virtual RoundTrips RoundTrips => RoundTrips.RawRequests;

    /// <summary>The longest that a killed holder may leave the place empty, and what that is made of.</summary>
    public virtual (double Ms, string Because) KilledLimit(double roundTripMs) => (Ttl!.Value.TotalMilliseconds + roundTripMs, "TTL + 1 round trip");

    /// <summary>What <c>conclave lead --endpoints</c> takes; null where it has no such backend.</summary>
    public virtual string? LeadEndpoint => null;

    /// <summary>What one lease costs, where many elections are led under the library's default of it.</summary>
    public virtual double RenewalsPerSecond => new LeaseOptions().RenewalsPerTtl / new LeaseOptions().Ttl.TotalSeconds;

    /// <summary>Whether all elections of a process share one session, so that ten thousand are asked for.</summary>
    public virtual bool SharesSession => true;

    /// <summary>Somebody else's library against the same server; null where there is none that can run here.</summary>
    public Rival? Rival { get; protected set; }

    public abstract Task StartAsync(Place place);

    /// <summary>Sessions (leases, connections) as the server counts them; null where it does not.</summary>
    public virtual Task<int?> SessionsAsync() => Task.FromResult<int?>(null);

    /// <summary>Waits until the server has ended the sessions of all processes that were measured before: those that were killed live on until their TTL.</summary>
    public async Task NoSessionAsync()
    {
        var deadline = Clock.Ns + 60_000_000_000;
        while (await SessionsAsync() is > 0 and var left)
        {
            if (Clock.Ns > deadline)
                throw new InvalidOperationException($"{Name} still counts {left} sessions a minute after the last process that had one ended.");
            await Task.Delay(50);
        }
    }

    public virtual ITurns StartContestant(string kind, string election, int number, TimeSpan ttl) => new ChildTurns(Child.StartSelf(
        $"{Name} {kind} {number}",
        [ContestantProgram.Word, kind, election, number.ToString(CultureInfo.InvariantCulture), ttl.TotalMilliseconds.ToString(CultureInfo.InvariantCulture), .. AddressOf(number)]));

    public abstract ValueTask DisposeAsync();

    /// <summary>Asks until there is an answer.</summary>
    protected static async Task UntilAsync(string what, Child server, Func<Task<bool>> answers)
    {
        var deadline = Clock.Ns + 60_000_000_000;
        while (!await answers())
        {
            if (server.HasExited)
                throw new InvalidOperationException($"{what} ended. It said:\n{server.Said}");
            if (Clock.Ns > deadline)
                throw new InvalidOperationException($"{what} does not answer. It said:\n{server.Said}");
            await Task.Delay(50);
        }
    }
}
