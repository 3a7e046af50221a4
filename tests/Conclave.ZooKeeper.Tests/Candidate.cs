using System.Globalization;
using Conclave.Contract;

namespace Conclave.ZooKeeper.Tests;

/// <summary>The test program run as a process: a candidate to be stopped and killed by the tests.</summary>
internal static class Candidate
{
    // Arguments: server, election, token file of the gate, session timeout in milliseconds.
    public static async Task<int> Main(string[] arguments)
    {
        var (server, name, gateFile, timeout) = (arguments[0], arguments[1], arguments[2], int.Parse(arguments[3], CultureInfo.InvariantCulture));
        await using var client = new ZooKeeperClient(new ZooKeeperClientOptions { Servers = [server], SessionTimeout = TimeSpan.FromMilliseconds(timeout) });
        await using var election = new ZooKeeperElection(client, name, new ZooKeeperElectionOptions { Value = "child" });
        await CandidateProcess.RunAsync(election, gateFile);
        return 0;
    }
}
