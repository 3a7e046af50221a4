using System.Globalization;

namespace Conclave.ZooKeeper.Tests;

/// <summary>
/// A candidate in a process of its own, to be stopped and killed by the tests. While it lives it knocks at the gate with the last token it won, whether or
/// not it still leads, as work that is slow to notice would. Says on standard output what happens: <c>elected TOKEN</c>, <c>lost REASON</c>, and each change of the gate's verdict.
/// </summary>
internal static class Candidate
{
    // Arguments: server, election, token file of the gate, session timeout in milliseconds.
    public static async Task<int> Main(string[] arguments)
    {
        var (server, name, gateFile, timeout) = (arguments[0], arguments[1], arguments[2], int.Parse(arguments[3], CultureInfo.InvariantCulture));
        await using var client = new ZooKeeperClient(new ZooKeeperClientOptions { Servers = [server], SessionTimeout = TimeSpan.FromMilliseconds(timeout) });
        await using var election = new ZooKeeperElection(client, name, new ZooKeeperElectionOptions { Value = "child" });
        using var gate = new FencingGate(new FileFencingStore(gateFile));

        Say("campaigning");
        var leadership = await election.CampaignAsync(CancellationToken.None);
        await using (leadership)
        {
            Say($"elected {leadership.FencingToken}");
            leadership.Lost.Register(() => Say($"lost {leadership.LossReason}"));
            for (var last = ""; ; await Task.Delay(5))
            {
                var verdict = (await gate.CheckAsync(leadership.FencingToken, CancellationToken.None)).GetType().Name;
                if (verdict != last)
                    Say(last = verdict);
            }
        }
    }

    private static void Say(string what)
    {
        lock (Console.Out)
        {
            Console.Out.WriteLine(what);
            Console.Out.Flush();
        }
    }
}
