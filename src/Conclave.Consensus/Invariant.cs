using System.Diagnostics.CodeAnalysis;

namespace Conclave.Consensus;

/// <summary>
/// A claim that only our own bug can break. On in release builds too: a replica that no longer knows what is true must
/// stop rather than answer. Never caught, never retried.
/// </summary>
public static class Invariant
{
    /// <summary>Stops the replica unless <paramref name="holds"/>.</summary>
    /// <exception cref="InvariantBrokenException">The claim is false.</exception>
    public static void Require([DoesNotReturnIf(false)] bool holds, string claim)
    {
        if (!holds)
            throw new InvariantBrokenException(claim);
    }
}

/// <summary>An <see cref="Invariant"/> did not hold. The process that sees it must end.</summary>
public sealed class InvariantBrokenException(string claim) : Exception($"Invariant broken: {claim}");
