using System.Globalization;

namespace Conclave.Kubernetes.Tests;

/// <summary>
/// A candidate in a process of its own, to be stopped and killed by the tests. While it lives it knocks at the gate with the last token it won, whether or
/// not it still leads, as work that is slow to notice would. Says on standard output what happens: <c>elected TOKEN</c>, <c>lost REASON</c>, and each change of the gate's verdict.
/// </summary>
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
        using var gate = new FencingGate(new FileFencingStore(arguments[4]));

        Say("campaigning");
        await using var leadership = await election.CampaignAsync(CancellationToken.None);
        Say($"elected {leadership.FencingToken}");
        leadership.Lost.Register(() => Say($"lost {leadership.LossReason}"));
        for (var last = ""; ; await Task.Delay(5))
        {
            var verdict = (await gate.CheckAsync(leadership.FencingToken, CancellationToken.None)).GetType().Name;
            if (verdict != last)
                Say(last = verdict);
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
