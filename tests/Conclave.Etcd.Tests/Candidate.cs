using System.Globalization;
using Conclave.Wire.Etcd;

namespace Conclave.Etcd.Tests;

/// <summary>
/// A candidate in a process of its own, to be stopped and killed by the tests. While it lives it knocks at the gate with the last token it won, whether or
/// not it still leads, as work that is slow to notice would. Says on standard output what happens: <c>elected TOKEN</c>, <c>lost REASON</c>, and each change of the gate's verdict.
/// </summary>
internal static class Candidate
{
    // Arguments: endpoint, election, token file of the gate, TTL in seconds.
    public static async Task<int> Main(string[] arguments)
    {
        if (arguments[0] == Hosting.HostedCandidate.Word)
            return await Hosting.HostedCandidate.RunAsync(arguments[1..]);

        var (endpoint, name, gateFile, ttl) = (arguments[0], arguments[1], arguments[2], int.Parse(arguments[3], CultureInfo.InvariantCulture));
        await using var client = new EtcdClient(new EtcdClientOptions { Endpoints = [endpoint] });
        await using var session = new EtcdSession(client, new EtcdSessionOptions { Lease = new LeaseOptions { Ttl = TimeSpan.FromSeconds(ttl), StopMargin = TimeSpan.FromMilliseconds(200) } });
        await using var election = new EtcdElection(session, name, new EtcdElectionOptions { Value = "child" });
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

    internal static void Say(string what)
    {
        lock (Console.Out)
        {
            Console.Out.WriteLine(what);
            Console.Out.Flush();
        }
    }
}
