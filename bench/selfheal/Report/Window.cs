using Conclave.Bench.SelfHeal.Load;

namespace Conclave.Bench.SelfHeal.Report;

/// <summary>What clients saw of one fault: the requests that ended from the fault on, until the next one is prepared.</summary>
/// <param name="faultNs">When the signal was sent.</param>
/// <param name="overNs">When whoever was hit had ended and its sockets with it: what is sent later cannot have been in flight inside it.</param>
/// <param name="recoveredNs">When all was as before.</param>
/// <param name="answers">Theirs.</param>
internal sealed class Window(long faultNs, long overNs, long recoveredNs, IReadOnlyList<Answer> answers)
{
    private const long Shortly = 20_000_000;

    /// <summary>Puts what clients saw into a series that asks for it.</summary>
    public void AddTo(Series series)
    {
        var failed = answers.Where(a => a.Outcome != Outcome.Good).ToList();
        foreach (var answer in failed)
            series.AddFailure($"{answer.Kind.ToString().ToUpperInvariant()} {Word(answer.Outcome)}");
        var unbegun = failed.Where(a => a.Outcome != Outcome.Truncated).ToList();
        series.Add(Metrics.Failed, failed.Count);
        series.Add(Metrics.FailedGets, unbegun.Count(a => a.IsGet));
        series.Add(Metrics.FailedPosts, failed.Count(a => !a.IsGet));
        series.Add(Metrics.FailedFresh, failed.Count(a => a.Fresh && a.IntendedNs > faultNs + Shortly));
        series.Add(Metrics.FailedLater, failed.Count(a => a.IntendedNs > Math.Max(overNs, faultNs + Shortly)));
        series.Add(Metrics.Truncated, failed.Count(a => a.Outcome == Outcome.Truncated));

        var good = answers.Where(a => a.Outcome == Outcome.Good).ToList();
        series.Add(Metrics.Gap, LongestGapMs(good));
        series.Add(Metrics.Slowest, Slowest(good));
        series.Add(Metrics.SlowestFresh, Slowest(good.Where(a => a.Fresh && a.IntendedNs > faultNs + Shortly)));
    }

    private static double? Slowest(IEnumerable<Answer> of) => of.Select(a => a.LatencyMs).DefaultIfEmpty(double.NaN).Max() is var slowest && double.IsNaN(slowest) ? null : slowest;

    private double LongestGapMs(List<Answer> good)
    {
        long longest = 0, last = faultNs;
        foreach (var done in good.Select(a => a.DoneNs).Where(d => d <= recoveredNs + 500_000_000).Order())
        {
            longest = Math.Max(longest, done - last);
            last = done;
        }

        return longest / 1e6;
    }

    private static string Word(Outcome outcome) => outcome switch
    {
        Outcome.ServerError => "5xx",
        _ => outcome.ToString().ToLowerInvariant(),
    };
}
