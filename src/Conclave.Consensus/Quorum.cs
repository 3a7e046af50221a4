namespace Conclave.Consensus;

/// <summary>How a ballot stands.</summary>
public enum VoteResult
{
    /// <summary>Neither a majority for it nor one against it yet.</summary>
    Pending,

    /// <summary>A majority said yes.</summary>
    Won,

    /// <summary>So many said no that no majority can say yes any more.</summary>
    Lost,
}

/// <summary>
/// Majorities. The only place where votes and acknowledgements are counted. Every span has one slot per voter, in the order
/// of the membership, so that nobody is counted twice and nobody outside is counted at all.
/// </summary>
public static class Quorum
{
    /// <summary>The smallest number of voters of which any two sets share a voter.</summary>
    public static int Size(int voters) => (voters / 2) + 1;

    /// <summary>The state of a ballot; null is a voter who has not answered.</summary>
    public static VoteResult Count(ReadOnlySpan<bool?> votes)
    {
        var granted = 0;
        var open = 0;
        foreach (var vote in votes)
        {
            if (vote is null)
                open++;
            else if (vote.Value)
                granted++;
        }

        var needed = Size(votes.Length);
        if (granted >= needed)
            return VoteResult.Won;
        return granted + open >= needed ? VoteResult.Pending : VoteResult.Lost;
    }

    /// <summary>The highest value that a majority has reached: what is committed, which round is confirmed. Reorders <paramref name="reached"/>.</summary>
    public static ulong Reached(Span<ulong> reached)
    {
        reached.Sort();
        return reached[^Size(reached.Length)];
    }
}
