using Conclave.Orchestration;
using Conclave.Server;

namespace Conclave.Cli.Cluster;

/// <summary><c>conclave serve</c>: one member of a coordination group, by itself.</summary>
internal static class ServeProgram
{
    public static async Task<int> RunAsync(ServeOptions options, CancellationToken stopping)
    {
        using var logs = NodeLogging.Create();
        try
        {
            await EtcdServer.RunAsync(
                new EtcdServerOptions
                {
                    Name = options.Name,
                    DataDir = options.DataDir,
                    ListenClientUrls = [.. options.ListenClientUrls.Select(Text)],
                    AdvertiseClientUrls = [.. options.AdvertiseClientUrls.Select(Text)],
                    ListenPeerUrls = [.. options.ListenPeerUrls.Select(Text)],
                    InitialAdvertisePeerUrls = [.. options.InitialAdvertisePeerUrls.Select(Text)],
                    InitialCluster = options.InitialCluster.IsEmpty ? null : string.Join(',', options.InitialCluster.Select(p => $"{p.Name}={Text(p.Url)}")),
                    InitialClusterState = options.JoinsExisting ? "existing" : "new",
                    InitialClusterToken = options.InitialClusterToken,
                    HeartbeatInterval = options.HeartbeatInterval,
                    ElectionTimeout = options.ElectionTimeout,
                    Insecure = options.Insecure,
                    Loggers = logs,
                },
                stopping);
            return ExitCode.Ok;
        }
        catch (Exception fault) when (MemberFaults.Explain(fault) is not null)
        {
            throw MemberFaults.Explain(fault)!;
        }
    }

    private static string Text(Uri url) => url.OriginalString.TrimEnd('/');
}
