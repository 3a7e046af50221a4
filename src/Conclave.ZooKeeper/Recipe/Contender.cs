namespace Conclave.ZooKeeper;

/// <summary>A candidate's node: its name and the number at the name's end, as <see cref="Naming"/> reads it. The smallest number leads.</summary>
internal readonly record struct Contender(string Name, int Number) : IComparable<Contender>
{
    public int CompareTo(Contender other)
    {
        // Numbers are unique below one node; but names made by hand are not, and all must see the same order.
        var byNumber = Number.CompareTo(other.Number);
        return byNumber != 0 ? byNumber : string.CompareOrdinal(Name, other.Name);
    }

    public override string ToString() => Name;
}
