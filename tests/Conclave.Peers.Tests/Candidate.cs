using System.Globalization;

namespace Conclave.Peers.Tests;

/// <summary>
/// A member in a process of its own. Arguments: name, members separated by commas, directory, election timeout in milliseconds, fast pre-vote, then what it does:
/// nothing more, or an election, the token file of a gate and the lease in milliseconds (0: the group's) with which it campaigns for it and knocks at the gate while it lives.
/// Says <c>started</c>, <c>elected TOKEN</c>, <c>lost REASON</c>, and each change of the gate's verdict.
/// </summary>
internal static class Candidate
{
    public static async Task<int> Main(string[] arguments)
    {
        if (arguments is not [var name, var peers, var directory, var timeout, var fast, .. var part])
            return 2;
        var options = TestPeers.Options(name, peers.Split(','), directory, TimeSpan.FromMilliseconds(int.Parse(timeout, CultureInfo.InvariantCulture)), bool.Parse(fast));
        await using var group = await PeerGroup.StartAsync(options);
        Say("started");
        if (part is [var election, var gateFile, var lease])
            await LeadAsync(group, election, gateFile, int.Parse(lease, CultureInfo.InvariantCulture));
        await group.Completion;
        return 0;
    }

    private static async Task LeadAsync(PeerGroup group, string name, string gateFile, int lease)
    {
        await using var election = lease == 0 ? group.Election(name) : group.Election(name, group.Options.Name, new LeaseOptions { Ttl = TimeSpan.FromMilliseconds(lease) });
        using var gate = new FencingGate(new FileFencingStore(gateFile));
        Say("campaigning");
        while (true)
        {
            await using var leadership = await election.CampaignAsync(CancellationToken.None);
            Say($"elected {leadership.FencingToken}");
            leadership.Lost.Register(() => Say($"lost {leadership.LossReason}"));
            var last = "";
            while (last != "Refused")
            {
                var verdict = (await gate.CheckAsync(leadership.FencingToken, CancellationToken.None)).GetType().Name;
                if (verdict != last)
                    Say(last = verdict);
                await Task.Delay(5);
            }

            await Task.Delay(Timeout.Infinite);
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
