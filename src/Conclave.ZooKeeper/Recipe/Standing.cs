namespace Conclave.ZooKeeper;

/// <summary>
/// What a candidate learns from the list of all nodes. Decided from a list read after its own node was made, so no smaller number can come any more, and one that is not in
/// the list is gone for good: a list that is old can name a dead predecessor, never miss a living one.
/// </summary>
internal abstract record Standing
{
    private Standing() { }

    /// <summary>Nobody stands before it.</summary>
    public sealed record First : Standing;

    /// <summary>Waits for one to go, the next smaller, so that a deletion wakes one candidate and not all.</summary>
    public sealed record Behind(string Predecessor) : Standing;

    /// <summary>Its own node was removed.</summary>
    public sealed record Gone : Standing;

    public static Standing Of(string own, IEnumerable<string> children, Naming naming)
    {
        if (!naming.TryParse(own, out var self))
            throw new ArgumentException($"{own} is no candidate's node.", nameof(own));

        Contender? predecessor = null;
        var stands = false;
        foreach (var child in children)
        {
            if (!naming.TryParse(child, out var other))
                continue;
            var order = other.CompareTo(self);
            stands |= order == 0;
            if (order < 0 && (predecessor is not { } nearest || other.CompareTo(nearest) > 0))
                predecessor = other;
        }

        return !stands ? new Gone() : predecessor is { } before ? new Behind(before.Name) : new First();
    }

    /// <summary>The one who leads; null when nobody stands.</summary>
    public static Contender? FirstOf(IEnumerable<string> children, Naming naming)
    {
        Contender? first = null;
        foreach (var child in children)
        {
            if (naming.TryParse(child, out var other) && (first is not { } least || other.CompareTo(least) < 0))
                first = other;
        }

        return first;
    }
}
