using System.Collections.Immutable;
using System.Globalization;
using System.Text;
using Conclave.Cli.Rendering;

namespace Conclave.Cli.Elections;

/// <summary>What <c>conclave election</c> says to a person.</summary>
internal static class ElectionText
{
    public static string List(ImmutableArray<FoundElection> elections) => TextTable.Render(
        ["ELECTION", "LEADER", "TOKEN", "CANDIDATES"],
        elections.Select(IReadOnlyList<string> (election) =>
            [Printable(election.Name), Printable(election.Leader.Value), election.Leader.FencingToken.ToString(), election.Candidates?.ToString(CultureInfo.InvariantCulture) ?? "-"]));

    public static string Show(string name, ImmutableArray<StandingCandidate> standing, LeaseTerm? term, bool keepsALine)
    {
        var leader = standing[0];
        var text = new StringBuilder();
        text.Append(CultureInfo.InvariantCulture, $"{Printable(name)}: {Named(leader)} leads, token {leader.FencingToken}");
        if (leader.Since is { } since)
            text.Append(CultureInfo.InvariantCulture, $", since {Time(since)}");
        text.AppendLine();
        if (leader.Lease is null)
            text.AppendLine("no lease: its key stays until somebody deletes it");
        else if (term is { Left: { } left } known)
            text.AppendLine(CultureInfo.InvariantCulture, $"lease {leader.Lease}, {left.TotalSeconds:0.#} s of {known.Ttl.TotalSeconds:0.#} s left");
        else if (term is { } granted)
            text.AppendLine(CultureInfo.InvariantCulture, $"lease {leader.Lease}, of {granted.Ttl.TotalSeconds:0.#} s");
        else
            text.AppendLine(CultureInfo.InvariantCulture, $"lease {leader.Lease}");
        if (standing.Length == 1)
            return text.AppendLine(keepsALine ? "nobody waits" : "who waits is not known: there is no line to stand in").ToString();
        text.AppendLine().Append(TextTable.Render(
            ["NEXT", "CANDIDATE", "TOKEN", "LEASE"],
            standing.Skip(1).Select(IReadOnlyList<string> (candidate, index) =>
                [(index + 1).ToString(CultureInfo.InvariantCulture), Printable(candidate.Value), candidate.FencingToken.ToString(), candidate.Lease ?? ""])));
        return text.ToString();
    }

    public static string Observed(DateTimeOffset now, string name, Leader? leader, bool gap)
    {
        var what = leader is null ? "nobody leads" : $"{Named(leader.Value)} leads, token {leader.FencingToken}";
        return $"{Time(now)} {Printable(name)}: {what}{(gap ? " (changes before this were missed)" : "")}";
    }

    public static string Resigned(string name, StandingCandidate leader, bool removed) => removed
        ? $"{Named(leader)} no longer leads {Printable(name)} (token {leader.FencingToken})"
        : $"{Named(leader)} had already gone from {Printable(name)} (token {leader.FencingToken})";

    private static string Named(StandingCandidate candidate) => Named(candidate.Value);

    // What `etcdctl lock` puts under its key.
    private static string Named(string value) => value.Length == 0 ? "somebody without a name" : Printable(value);

    private static string Time(DateTimeOffset time) => time.ToUniversalTime().ToString("yyyy-MM-dd'T'HH:mm:ss.fff'Z'", CultureInfo.InvariantCulture);

    /// <summary>Others wrote it: it must not be able to draw on the terminal.</summary>
    private static string Printable(string text) => text.Any(char.IsControl) ? string.Concat(text.Select(letter => char.IsControl(letter) ? '\u00b7' : letter)) : text;
}
