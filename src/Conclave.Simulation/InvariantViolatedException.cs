namespace Conclave.Simulation;

/// <summary>A named promise did not hold in a simulated run.</summary>
public sealed class InvariantViolatedException(string invariant, string how, Exception? inner = null) : Exception($"{invariant}: {how}", inner)
{
    /// <summary>The promise's name, as in docs/architecture/simulation.md.</summary>
    public string Invariant { get; } = invariant;
}
