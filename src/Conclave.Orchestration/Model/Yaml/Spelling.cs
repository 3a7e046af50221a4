namespace Conclave.Orchestration.Model.Yaml;

/// <summary>Finds what somebody meant to write.</summary>
public static class Spelling
{
    /// <summary>The one of <paramref name="known"/> that is nearest to <paramref name="written"/>, or null when none is near: at most one change
    /// per three letters, two neighbours swapped counting as one.</summary>
    public static string? Nearest(string written, IEnumerable<string> known)
    {
        var plain = Plain(written);
        return known
            .Select(candidate => (candidate, distance: Distance(plain, Plain(candidate))))
            .Where(pair => pair.distance <= Math.Max(1, Math.Min(plain.Length, pair.candidate.Length) / 3))
            .OrderBy(pair => pair.distance).ThenBy(pair => pair.candidate, StringComparer.Ordinal)
            .Select(pair => pair.candidate)
            .FirstOrDefault();
    }

    private static string Plain(string text) => text.ToLowerInvariant().Replace('-', '_');

    // Damerau-Levenshtein, optimal string alignment.
    private static int Distance(string a, string b)
    {
        var cost = new int[a.Length + 1, b.Length + 1];
        for (var i = 0; i <= a.Length; i++)
            cost[i, 0] = i;
        for (var j = 0; j <= b.Length; j++)
            cost[0, j] = j;
        for (var i = 1; i <= a.Length; i++)
        {
            for (var j = 1; j <= b.Length; j++)
            {
                var change = a[i - 1] == b[j - 1] ? 0 : 1;
                cost[i, j] = Math.Min(Math.Min(cost[i - 1, j] + 1, cost[i, j - 1] + 1), cost[i - 1, j - 1] + change);
                if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
                    cost[i, j] = Math.Min(cost[i, j], cost[i - 2, j - 2] + 1);
            }
        }

        return cost[a.Length, b.Length];
    }
}
