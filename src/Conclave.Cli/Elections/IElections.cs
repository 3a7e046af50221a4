using System.Collections.Immutable;

namespace Conclave.Cli.Elections;

/// <summary>
/// The elections of one backend, opened: to take part in one, or to look at them from outside. Faults are <see cref="ElectionException"/>s, of which
/// <see cref="ElectionUnavailableException"/> may be asked again.
/// </summary>
internal interface IElections : IAsyncDisposable
{
    /// <summary>A candidate that does not stand yet. Dispose it before the elections.</summary>
    /// <exception cref="Orchestration.ConclaveException">The backend cannot store an election of this name.</exception>
    ILeaderElection Candidate(string name, string value);

    /// <summary>All elections in which somebody stands and whose name begins so, by name. Without candidates there is nothing to find, so there is no election.</summary>
    Task<ImmutableArray<FoundElection>> ListAsync(string prefix, CancellationToken cancellation);

    /// <summary>Everybody who stands, in order: the first leads. Empty when nobody does. Only the leader where <see cref="ElectionBackend.KeepsALine"/> is false.</summary>
    Task<ImmutableArray<StandingCandidate>> StandingAsync(string name, CancellationToken cancellation);

    /// <summary>The lease that a candidate stands on; null when the backend does not tell.</summary>
    Task<LeaseTerm?> LeaseAsync(StandingCandidate candidate, CancellationToken cancellation);

    /// <summary>Takes exactly this candidacy out of the election. False when it was gone already.</summary>
    Task<bool> RemoveAsync(string name, StandingCandidate candidate, CancellationToken cancellation);
}

/// <summary>An election as it is found on a backend.</summary>
/// <param name="Name">As its candidates call it.</param>
/// <param name="Leader">Who leads.</param>
/// <param name="Candidates">How many stand, the leader among them; null where those who wait leave no trace.</param>
internal sealed record FoundElection(string Name, StandingCandidate Leader, int? Candidates);

/// <summary>One who stands in an election, as others see it.</summary>
/// <param name="Key">Where the backend keeps the candidacy.</param>
/// <param name="Value">What is published with it.</param>
/// <param name="FencingToken">The token that it leads with, or will.</param>
/// <param name="Lease">What it ends with (a lease, a session), as the backend's own tools write it; null when it is not bound to one.</param>
/// <param name="Since">Since when it leads; null when the backend does not tell.</param>
internal sealed record StandingCandidate(string Key, string Value, FencingToken FencingToken, string? Lease, DateTimeOffset? Since = null);

/// <summary>How long a lease was granted for, and how much of it is left unless it is renewed; null when the backend does not tell.</summary>
internal readonly record struct LeaseTerm(TimeSpan Ttl, TimeSpan? Left);
