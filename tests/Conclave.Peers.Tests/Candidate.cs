using System.Globalization;
using Conclave.Contract;

namespace Conclave.Peers.Tests;

/// <summary>
/// A member in a process of its own. Arguments: name, members separated by commas, directory, election timeout in milliseconds, fast pre-vote, then what it does:
/// nothing more, or an election, the token file of a gate and the lease in milliseconds (0: the group's) with which it campaigns for it and knocks at the gate while it lives.
/// Says <c>started</c>, and what a <see cref="CandidateProcess"/> says.
/// </summary>
internal static class Candidate
{
    public static async Task<int> Main(string[] arguments)
    {
        if (arguments is not [var name, var peers, var directory, var timeout, var fast, .. var part])
            return 2;
        var options = TestPeers.Options(name, peers.Split(','), directory, TimeSpan.FromMilliseconds(int.Parse(timeout, CultureInfo.InvariantCulture)), bool.Parse(fast));
        await using var group = await PeerGroup.StartAsync(options);
        CandidateProcess.Say("started");
        if (part is [var election, var gateFile, var lease])
            await LeadAsync(group, election, gateFile, int.Parse(lease, CultureInfo.InvariantCulture));
        await group.Completion;
        return 0;
    }

    private static async Task LeadAsync(PeerGroup group, string name, string gateFile, int lease)
    {
        await using var election = lease == 0 ? group.Election(name) : group.Election(name, group.Options.Name, new LeaseOptions { Ttl = TimeSpan.FromMilliseconds(lease) });
        await CandidateProcess.RunAsync(election, gateFile);
    }
}
