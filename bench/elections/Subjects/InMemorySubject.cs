using Conclave.Bench.Elections.Contestants;
using Conclave.Bench.Elections.Drills;
using Conclave.Bench.Elections.Machine;

namespace Conclave.Bench.Elections.Subjects;

/// <summary>One process: two contestants side by side in this one, and no round trip at all.</summary>
internal sealed class InMemorySubject : Subject
{
    private readonly IElectionSource _source = ElectionSource.OpenAsync(["in-memory"], new LeaseOptions()).Result;

    public override string Name => "in-memory";

    public override TimeSpan? Ttl => null;

    public override RoundTrips RoundTrips => RoundTrips.None;

    public override string[] AddressOf(int number) => ["in-memory"];

    public override Task StartAsync(Place place) => Task.CompletedTask;

    public override ValueTask DisposeAsync() => _source.DisposeAsync();

    public override ITurns StartContestant(string kind, string election, int number, TimeSpan ttl) => new LocalTurns(new LibraryContestant(_source, election, number));
}
