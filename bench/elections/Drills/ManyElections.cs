using System.Globalization;
using Conclave.Bench.Elections.Machine;
using Conclave.Bench.Elections.Report;
using Conclave.Bench.Elections.Subjects;

namespace Conclave.Bench.Elections.Drills;

/// <summary>Ten thousand elections led by one process, by the plain API and in a host: what they weigh, how many sessions and renewals they cost.</summary>
internal static class ManyElections
{
    private const double ResidentLimitMb = 200;

    // Where each election is an object of its own that its holder renews, and the server that of our tests, which writes all of them to its file at each change.
    private const int WithoutSession = 100;

    // Renewals fall on whole moments: a window of a few seconds may catch one more than its share.
    private const double OneMore = 1;

    public static async Task<IReadOnlyList<Row>> RunAsync(Subject subject, Settings settings) =>
        [.. await MeasureAsync(subject, "plain", settings), .. await MeasureAsync(subject, "hosted", settings)];

    private static async Task<IReadOnlyList<Row>> MeasureAsync(Subject subject, string mode, Settings settings)
    {
        var count = subject.SharesSession ? settings.Elections : WithoutSession;
        var name = string.Create(CultureInfo.InvariantCulture, $"{count:#,0} elections, {(mode == "hosted" ? "AddLeaderElection with a leader service each" : "plain API")}");
        await subject.NoSessionAsync();
        var child = Child.StartSelf($"{subject.Name} {mode}", [ManyProgram.Word, mode, count.ToString(CultureInfo.InvariantCulture), settings.RenewalsFor.TotalSeconds.ToString(CultureInfo.InvariantCulture), .. subject.AddressOf(0)]);
        var empty = Numbers(await child.HearAsync("empty"));
        var held = Numbers(await child.HearAsync("held"));
        var sessions = await subject.SessionsAsync();
        child.Tell("measure");
        var full = Numbers(await child.HearAsync("full"));
        var renewals = Numbers(await child.HearAsync("renewals"));
        await child.LeaveAsync();

        var resident = Row.Single(subject.Name, $"{name}: resident memory", "MB", full[0] / 1e6);
        var renewed = Row.Single(subject.Name, $"{name}: renewals per second per 1,000 elections", "", renewals[0] / renewals[1] / count * 1000);
        var rows = new List<Row>
        {
            Row.Single(subject.Name, $"{name}: until all are led", "s", held[0]),
            subject.SharesSession ? resident.Target(Binds.Every, ResidentLimitMb) : resident,
            Row.Single(subject.Name, $"{name}: beyond the same process without elections", "MB", (full[0] - empty[0]) / 1e6),
            Row.Single(subject.Name, $"{name}: managed memory per election", "bytes", (full[1] - empty[1]) / count),
            subject.SharesSession ? renewed.Target(Binds.Every, (subject.RenewalsPerSecond + (OneMore / renewals[1])) / count * 1000, "those of one lease") : renewed,
        };
        if (sessions is { } counted)
            rows.Add(Row.Single(subject.Name, $"{name}: sessions at the server", "", counted).Target(Binds.Every, 1));
        return rows;
    }

    private static double[] Numbers((string[] Words, long Ns) line) => [.. line.Words.Select(word => double.Parse(word, CultureInfo.InvariantCulture))];
}
