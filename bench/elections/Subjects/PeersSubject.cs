using Conclave.Bench.Elections.Drills;
using Conclave.Bench.Elections.Machine;

namespace Conclave.Bench.Elections.Subjects;

/// <summary>
/// Three members that elect among themselves: the two contestants, each with its own place in the group, and a third that only votes. A killed contestant comes back as the member that it was.
/// </summary>
internal sealed class PeersSubject(bool isFast) : Subject
{
    private const int Voter = 2;

    private static readonly TimeSpan ElectionTimeout = TimeSpan.FromSeconds(1);

    private readonly string _members = string.Join(',', Enumerable.Range(0, 3).Select(number => $"n{number}=127.0.0.1:{Kernel.FreePort()}"));
    private string _directory = "";
    private ITurns? _voter;

    public override string Name => isFast ? "peers-fast" : "peers";

    /// <summary>The default of a group: two election timeouts.</summary>
    public override TimeSpan? Ttl => 2 * ElectionTimeout;

    public override RoundTrips RoundTrips => RoundTrips.Answer;

    /// <summary>Its lease is renewed ten times within its TTL.</summary>
    public override double RenewalsPerSecond => 10 / Ttl!.Value.TotalSeconds;

    public override (double Ms, string Because) KilledLimit(double roundTripMs) =>
        isFast ? (150, "fast pre-vote") : (2.5 * ElectionTimeout.TotalMilliseconds, "2.5 × election timeout");

    public override string[] AddressOf(int number) => ["peers", $"n{number}", _members, Path.Combine(_directory, $"n{number}"), isFast ? "fast" : "default"];

    public override async Task StartAsync(Place place)
    {
        _directory = place.New(Name);
        _voter = StartContestant("ours", "bench/voter", Voter, Ttl!.Value);
        await _voter.ReadyAsync();
    }

    public override ValueTask DisposeAsync() => _voter?.DisposeAsync() ?? ValueTask.CompletedTask;
}
