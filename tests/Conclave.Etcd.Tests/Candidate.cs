using System.Globalization;
using Conclave.Contract;
using Conclave.Wire.Etcd;

namespace Conclave.Etcd.Tests;

/// <summary>The test program run as a process: a candidate to be stopped and killed by the tests, or a host with one.</summary>
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
        await CandidateProcess.RunAsync(election, gateFile);
        return 0;
    }
}
