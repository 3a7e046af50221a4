using System.Globalization;

namespace Conclave.ZooKeeper;

/// <summary>
/// A candidate's node by its name, which is that of kazoo's lock and election: 32 hexadecimal digits that only its maker knows, <c>__lock__</c>, and the number that
/// the server gave it. The smallest number leads.
/// </summary>
internal readonly record struct Contender(string Name, int Number) : IComparable<Contender>
{
    private const string Marker = "__lock__";
    private const int NumberDigits = 10;

    /// <summary>What a new candidate asks to be called; the server adds the number.</summary>
    public static string NewPrefix() => Guid.NewGuid().ToString("n") + Marker;

    /// <summary>Whatever stands before the marker: those of other recipes, such as kazoo's older ones, count as well.</summary>
    public static bool TryParse(string name, out Contender contender)
    {
        contender = default;
        var marker = name.LastIndexOf(Marker, StringComparison.Ordinal);
        if (marker < 0)
            return false;
        var number = name.AsSpan(marker + Marker.Length);
        var digits = number is ['-', ..] ? number[1..] : number; // after 2,147,483,647 candidates the server's number starts over below zero
        if (digits.Length != NumberDigits || digits.ContainsAnyExceptInRange('0', '9')
            || !int.TryParse(number, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var parsed))
            return false;
        contender = new Contender(name, parsed);
        return true;
    }

    public int CompareTo(Contender other)
    {
        // Numbers are unique below one node; but names made by hand are not, and all must see the same order.
        var byNumber = Number.CompareTo(other.Number);
        return byNumber != 0 ? byNumber : string.CompareOrdinal(Name, other.Name);
    }

    public override string ToString() => Name;
}
