using System.Globalization;
using Conclave.Contract;

namespace Conclave.Kubernetes.Tests;

/// <summary>The test program run as a process: a candidate to be stopped and killed by the tests.</summary>
internal static class Candidate
{
    public const string Word = "candidate";

    // Arguments: server, file with the authority, token, election, token file of the gate, TTL in seconds.
    public static async Task<int> RunAsync(string[] arguments)
    {
        await using var client = new KubernetesClient(new KubernetesClientOptions
        {
            Server = arguments[0],
            CertificateAuthorityFile = arguments[1],
            Token = arguments[2],
            Namespace = KubernetesServer.Namespace,
        });
        await using var election = new KubernetesElection(client, arguments[3], new KubernetesElectionOptions
        {
            Value = "child",
            Identity = "child",
            Lease = new LeaseOptions { Ttl = TimeSpan.FromSeconds(int.Parse(arguments[5], CultureInfo.InvariantCulture)) },
        });
        await CandidateProcess.RunAsync(election, arguments[4]);
        return 0;
    }
}
