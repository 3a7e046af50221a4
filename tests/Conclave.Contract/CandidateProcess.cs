using System.Globalization;

namespace Conclave.Contract;

/// <summary>
/// A candidate in a process of its own, to be stopped and killed by the tests. While it lives it knocks at the gate with the last token it won, whether or
/// not it still leads, as work that is slow to notice would. Says on standard output what happens: <c>elected TOKEN</c>, <c>renewed COUNT</c>, <c>lost REASON</c>,
/// each change of the gate's verdict, and of the day: <c>today is DATE</c>.
/// </summary>
public static class CandidateProcess
{
    public static async Task RunAsync(ILeaderElection election, string gateFile)
    {
        using var gate = new FencingGate(new FileFencingStore(gateFile));
        Say("campaigning");
        await using var leadership = await election.CampaignAsync(CancellationToken.None);
        Say($"elected {leadership.FencingToken}");
        leadership.Lost.Register(() => Say($"lost {leadership.LossReason}"));
        var (verdict, today, endsAt, renewals) = ("", "", leadership.EndsAt, 0);
        for (; ; await Task.Delay(5))
        {
            if (endsAt != leadership.EndsAt)
            {
                endsAt = leadership.EndsAt;
                Say($"renewed {++renewals}");
            }

            SayIfNew(ref today, DateTime.UtcNow.ToString("'today is' yyyy-MM-dd", CultureInfo.InvariantCulture));
            SayIfNew(ref verdict, (await gate.CheckAsync(leadership.FencingToken, CancellationToken.None)).GetType().Name);
        }
    }

    public static void Say(string what)
    {
        lock (Console.Out)
        {
            Console.Out.WriteLine(what);
            Console.Out.Flush();
        }
    }

    private static void SayIfNew(ref string last, string what)
    {
        if (last != what)
            Say(last = what);
    }
}
