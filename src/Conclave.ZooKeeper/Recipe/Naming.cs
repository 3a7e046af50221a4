using System.Diagnostics;
using System.Globalization;

namespace Conclave.ZooKeeper;

/// <summary>
/// How the nodes of one recipe are called: something that only its maker knows, a marker, and the number that the server gave it. Pure.
/// </summary>
internal sealed class Naming
{
    private const int NumberDigits = 10;

    private static readonly Naming Kazoo = new("__lock__", static () => Guid.NewGuid().ToString("n"));
    private static readonly Naming CuratorLeaderLatch = new("latch-", static () => $"_c_{Guid.NewGuid():d}-");
    private static readonly Naming CuratorLeaderSelector = new("lock-", static () => $"_c_{Guid.NewGuid():d}-");

    private readonly string _marker;
    private readonly Func<string> _newId;

    private Naming(string marker, Func<string> newId) => (_marker, _newId) = (marker, newId);

    public static Naming Of(ZooKeeperNodeNames names) => names switch
    {
        ZooKeeperNodeNames.Kazoo => Kazoo,
        ZooKeeperNodeNames.CuratorLeaderLatch => CuratorLeaderLatch,
        ZooKeeperNodeNames.CuratorLeaderSelector => CuratorLeaderSelector,
        _ => throw new UnreachableException($"No naming for {names}."),
    };

    /// <summary>Whether any recipe has such nodes.</summary>
    public static bool IsAnyCandidate(string name) => TryParseAny(name, out _);

    /// <summary>The candidate that the node is in one of the recipes.</summary>
    public static bool TryParseAny(string name, out Contender contender) =>
        Kazoo.TryParse(name, out contender) || CuratorLeaderLatch.TryParse(name, out contender) || CuratorLeaderSelector.TryParse(name, out contender);

    /// <summary>What a new candidate asks to be called; the server adds the number.</summary>
    public string NewPrefix() => _newId() + _marker;

    /// <summary>Whatever stands before the marker: those of a recipe's other versions count as well.</summary>
    public bool TryParse(string name, out Contender contender)
    {
        contender = default;
        var marker = name.LastIndexOf(_marker, StringComparison.Ordinal);
        if (marker < 0)
            return false;
        var number = name.AsSpan(marker + _marker.Length);
        var digits = number is ['-', ..] ? number[1..] : number; // after 2,147,483,647 candidates the server's number starts over below zero
        if (digits.Length != NumberDigits || digits.ContainsAnyExceptInRange('0', '9')
            || !int.TryParse(number, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var parsed))
            return false;
        contender = new Contender(name, parsed);
        return true;
    }
}
