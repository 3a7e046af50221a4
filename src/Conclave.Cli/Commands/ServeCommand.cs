using System.CommandLine;

namespace Conclave.Cli.Commands;

internal static class ServeCommand
{
    public static Command Create(CommandContext context)
    {
        var name = Text("--name", "NAME", "This member's name. Default: default");
        var dataDir = Text("--data-dir", "DIR", "Where its log and snapshots are. Default: NAME.etcd");
        var listenClient = Text("--listen-client-urls", "URLS", "Where it takes clients. Default: http://localhost:2379");
        var advertiseClient = Text("--advertise-client-urls", "URLS", "Where clients find it. Default: http://localhost:2379");
        var listenPeer = Text("--listen-peer-urls", "URLS", "Where it takes other members. Default: http://localhost:2380");
        var advertisePeer = Text("--initial-advertise-peer-urls", "URLS", "Where other members find it. Default: http://localhost:2380");
        var cluster = Text("--initial-cluster", "NAME=URL,...", "Every member of a new group. Default: this one alone");
        var state = Text("--initial-cluster-state", "new|existing", "Begin a group or join one. Default: new");
        var token = Text("--initial-cluster-token", "TOKEN", "Keeps groups with the same names apart. Default: etcd-cluster");
        var heartbeat = Text("--heartbeat-interval", "MS", "Milliseconds between heartbeats. Default: 100");
        var election = Text("--election-timeout", "MS", "Milliseconds of silence before a follower campaigns; at least five heartbeats. Default: 1000");
        var insecure = new Option<bool>("--insecure") { Description = "Listen beyond loopback without TLS." };

        // Flags about etcd's own log output change nothing that a client sees, so scripts that set them still start us.
        Option[] ignored = [Hidden("--logger"), Hidden("--log-level"), Hidden("--log-outputs")];
        var command = new Command(
            "serve",
            """
            Run one member of a coordination group that speaks etcd's v3 protocol: etcdctl and every etcd client work with it.

            Takes etcd's own flags, with one dash or two, as '--name a' or '--name=a'. URLS are separated by commas.
            """)
        {
            name, dataDir, listenClient, advertiseClient, listenPeer, advertisePeer, cluster, state, token, heartbeat, election, insecure,
        };
        foreach (var option in ignored)
            command.Add(option);
        command.SetAction(async (result, stopping) =>
        {
            var options = new ServeFlags
            {
                Name = result.GetValue(name),
                DataDir = result.GetValue(dataDir),
                ListenClientUrls = result.GetValue(listenClient),
                AdvertiseClientUrls = result.GetValue(advertiseClient),
                ListenPeerUrls = result.GetValue(listenPeer),
                InitialAdvertisePeerUrls = result.GetValue(advertisePeer),
                InitialCluster = result.GetValue(cluster),
                InitialClusterState = result.GetValue(state),
                InitialClusterToken = result.GetValue(token),
                HeartbeatInterval = result.GetValue(heartbeat),
                ElectionTimeout = result.GetValue(election),
                Insecure = result.GetValue(insecure),
            }.Check(context.Terminal.WorkingDirectory);
            return await context.Cluster.ServeAsync(options, stopping);
        });
        return command;
    }

    private static Option<string?> Text(string name, string value, string description) => new(name) { HelpName = value, Description = description };

    private static Option<string?> Hidden(string name) => new(name) { Hidden = true };
}
