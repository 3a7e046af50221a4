using System.Collections.Immutable;

namespace Conclave.Consensus.Raft;

/// <summary>Who votes. Sorted, so that every walk over it is the same on every member.</summary>
public sealed class Membership : IEquatable<Membership>
{
    /// <summary>The voters given, sorted.</summary>
    /// <exception cref="ArgumentException">Nobody votes, or somebody twice.</exception>
    public Membership(IEnumerable<PeerId> voters)
    {
        Voters = [.. voters.Order()];
        if (Voters.IsEmpty)
            throw new ArgumentException("A membership needs at least one voter.", nameof(voters));
        for (var i = 1; i < Voters.Length; i++)
        {
            if (Voters[i] == Voters[i - 1])
                throw new ArgumentException($"Voter {Voters[i]} is listed twice.", nameof(voters));
        }
    }

    /// <summary>Every voter, in ascending order of id.</summary>
    public ImmutableArray<PeerId> Voters { get; }

    /// <summary>The peer's position among the voters, which is also its slot wherever one value is kept per voter; negative when it does not vote.</summary>
    public int PositionOf(PeerId peer) => Voters.BinarySearch(peer);

    /// <inheritdoc/>
    public bool Equals(Membership? other) => other is not null && Voters.AsSpan().SequenceEqual(other.Voters.AsSpan());

    /// <inheritdoc/>
    public override bool Equals(object? obj) => Equals(obj as Membership);

    /// <inheritdoc/>
    public override int GetHashCode()
    {
        var hash = new HashCode();
        foreach (var voter in Voters)
            hash.Add(voter);
        return hash.ToHashCode();
    }
}
