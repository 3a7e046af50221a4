using Conclave.Etcd;
using Conclave.Kubernetes;
using Conclave.Peers;
using Conclave.Wire.Etcd;
using Conclave.ZooKeeper;

namespace Conclave.Bench.Elections.Contestants;

/// <summary>One connection to a backend, and what a program makes of it: elections by the plain API, or in a host.</summary>
internal interface IElectionSource : IAsyncDisposable
{
    ILeaderElection Join(string name, string value);

    /// <summary>The backend of an election in a host.</summary>
    void Use(LeaderElectionBuilder election);
}

internal static class ElectionSource
{
    /// <param name="address">The backend's word and where it is, as <see cref="Subjects.Subject.AddressOf"/> gives it.</param>
    /// <param name="lease">The same by either way.</param>
    public static async Task<IElectionSource> OpenAsync(string[] address, LeaseOptions lease) => address[0] switch
    {
        "in-memory" => new InMemorySource(),
        "etcd" => new EtcdSource(address[1], lease),
        "zookeeper" => new ZooKeeperSource(address[1], lease),
        "kubernetes" => new KubernetesSource(address[1], address[2], address[3], lease),
        "peers" => await PeersSource.StartAsync(address[1], address[2].Split(','), address[3], isFast: address[4] == "fast"),
        _ => throw new FormatException($"There is no backend {address[0]}."),
    };

    private sealed class InMemorySource : IElectionSource
    {
        private readonly InMemoryElections _elections = new();

        public ILeaderElection Join(string name, string value) => _elections.Join(name, value);

        public void Use(LeaderElectionBuilder election) => election.UseInMemory(_elections);

        public ValueTask DisposeAsync() => ValueTask.CompletedTask;
    }

    private sealed class EtcdSource : IElectionSource
    {
        private readonly string _endpoint;
        private readonly LeaseOptions _lease;
        private readonly EtcdClient _client;
        private readonly EtcdSession _session;

        public EtcdSource(string endpoint, LeaseOptions lease)
        {
            (_endpoint, _lease) = (endpoint, lease);
            _client = new EtcdClient(new EtcdClientOptions { Endpoints = [endpoint] });
            _session = new EtcdSession(_client, new EtcdSessionOptions { Lease = lease });
        }

        public ILeaderElection Join(string name, string value) => new EtcdElection(_session, name, new EtcdElectionOptions { Value = value });

        public void Use(LeaderElectionBuilder election) => election.Configure(options => options.Lease = _lease).UseEtcd(_endpoint);

        public async ValueTask DisposeAsync()
        {
            await _session.DisposeAsync();
            await _client.DisposeAsync();
        }
    }

    private sealed class ZooKeeperSource(string server, LeaseOptions lease) : IElectionSource
    {
        private readonly ZooKeeperClient _client = new(new ZooKeeperClientOptions { Servers = [server], SessionTimeout = lease.Ttl });

        public ILeaderElection Join(string name, string value) => new ZooKeeperElection(_client, name, new ZooKeeperElectionOptions { Value = value });

        public void Use(LeaderElectionBuilder election) => election.Configure(options => options.Lease = lease).UseZooKeeper(server);

        public ValueTask DisposeAsync() => _client.DisposeAsync();
    }

    private sealed class KubernetesSource(string server, string authority, string token, LeaseOptions lease) : IElectionSource
    {
        private readonly KubernetesClient _client = new(new KubernetesClientOptions { Server = server, CertificateAuthorityFile = authority, Token = token, Namespace = "default" });

        public ILeaderElection Join(string name, string value) => new KubernetesElection(_client, name, new KubernetesElectionOptions { Value = value, Identity = value, Lease = lease });

        public void Use(LeaderElectionBuilder election) => election.Configure(options => options.Lease = lease).UseKubernetes(options =>
            (options.Server, options.CertificateAuthorityFile, options.Token, options.Namespace, options.Identity) = (server, authority, token, "default", "host"));

        public ValueTask DisposeAsync() => _client.DisposeAsync();
    }

    /// <summary>The lease is the group's own: it follows from its election timeout.</summary>
    private sealed class PeersSource(PeerGroup group) : IElectionSource
    {
        public static async Task<PeersSource> StartAsync(string name, string[] members, string directory, bool isFast)
        {
            var options = new PeerGroupOptions { Name = name, Peers = members, Directory = directory, FastPreVote = isFast };
            return new PeersSource(await PeerGroup.StartAsync(options));
        }

        public ILeaderElection Join(string name, string value) => group.Election(name, value);

        // In a host the member would be the host's; here it runs already, and there is one to a directory.
        public void Use(LeaderElectionBuilder election) => election.UseBackend(context => group.Election(context.Name, context.Options.Value));

        public ValueTask DisposeAsync() => group.DisposeAsync();
    }
}
