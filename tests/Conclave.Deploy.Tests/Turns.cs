using System.Diagnostics;
using System.Globalization;
using System.Text.RegularExpressions;

namespace Conclave.Deploy.Tests;

/// <summary>Who leads and who works, read from what the instances print.</summary>
internal static partial class Turns
{
    private static readonly TimeSpan Deadline = TimeSpan.FromMinutes(3);

    /// <summary>The one that all of them see to lead and that works, under a later token than <paramref name="after"/>.</summary>
    public static async Task<(string Pod, long Token)> LeaderAsync(LoopbackCluster running, string[] among, long after)
    {
        (string Pod, long Token)? leader = null;
        await UntilAsync($"one of {string.Join(", ", among)} leads after token {after}", () =>
        {
            var seen = among.Select(name => LastSeen(running.Pods[name])).Distinct().ToList();
            leader = seen.Count == 1 ? seen[0] : null;
            return Task.FromResult(leader is { } one && one.Token > after && Works(running).Any(work => (work.Pod, work.Token) == one));
        }, running.Pods[among[0]]);
        return leader!.Value;
    }

    public static (string Pod, long Token)? LastSeen(Pod pod) => pod.Lines.Select(line => Seen().Match(line)).LastOrDefault(match => match.Success) is { } last
        ? (last.Groups["leader"].Value, long.Parse(last.Groups["token"].Value, CultureInfo.InvariantCulture))
        : null;

    public static List<(string Pod, long Token, TimeSpan At)> Works(LoopbackCluster running) =>
    [
        .. from pod in running.Pods.Values
           from line in pod.Lines
           let match = Work().Match(line)
           where match.Success
           select (match.Groups["pod"].Value, long.Parse(match.Groups["token"].Value, CultureInfo.InvariantCulture), TimeSpan.Parse(match.Groups["at"].Value, CultureInfo.InvariantCulture)),
    ];

    /// <summary>Each token has one holder, and nobody works after someone with a later token has begun to. (All on one machine, so the printed times can be compared; a run over midnight is not.)</summary>
    public static void AssertOneAtATime(List<(string Pod, long Token, TimeSpan At)> works)
    {
        var terms = works.GroupBy(work => work.Token).OrderBy(term => term.Key).ToList();
        Assert.True(terms.Count >= 2, "there was no second leader");
        Assert.All(terms, term => Assert.Single(term.Select(work => work.Pod).Distinct()));
        if (works.Max(work => work.At) - works.Min(work => work.At) > TimeSpan.FromHours(12))
            return;
        Assert.All(terms.Zip(terms.Skip(1)), pair => Assert.True(pair.First.Max(work => work.At) <= pair.Second.Min(work => work.At), $"{pair.First.Key} and {pair.Second.Key} worked at the same time"));
    }

    public static async Task UntilAsync(string condition, Func<Task<bool>> holds, Pod? about = null)
    {
        var started = Stopwatch.GetTimestamp();
        while (!await holds())
        {
            Assert.True(Stopwatch.GetElapsedTime(started) < Deadline, $"In vain awaited: {condition}. {about?.Name} said:\n{string.Join('\n', about?.Lines.TakeLast(20) ?? [])}");
            await Task.Delay(50);
        }
    }

    [GeneratedRegex(@"^(?<at>[\d:.]+) (?<pod>\S+) works with token (?<token>\d+)$")]
    private static partial Regex Work();

    [GeneratedRegex(@" sees that (?<leader>\S+) leads with token (?<token>\d+)$")]
    private static partial Regex Seen();
}
