using System.Collections.Immutable;
using System.Text.Json;
using Conclave.Cli.Tests.EndToEnd;
using Conclave.Orchestration.Cluster;
using Conclave.Orchestration.Events;
using Conclave.Orchestration.Leader;
using Conclave.Orchestration.Model;
using Conclave.Orchestration.Nodes;
using Conclave.Orchestration.Processes;
using Conclave.Server;
using Conclave.Wire.Etcd;
using Google.Protobuf;
using Microsoft.Extensions.Logging.Abstractions;

namespace Conclave.Cli.Tests.Cluster;

/// <summary>
/// The leader's own loop over a real store, deposed without being told: what a leader is that was paused and wakes up between its own decision and its own write. A signal to a process cannot
/// be timed to hit that moment, so here the election keeps silent instead.
/// </summary>
public sealed class LateLeaderTests : IAsyncLifetime, IDisposable
{
    private static readonly ServiceSpec Web = new() { Name = "web", Command = ["web"], Directory = "/" };
    private readonly DirectoryInfo _directory = Directory.CreateTempSubdirectory("conclave-late-");
    private readonly CancellationTokenSource _stopping = new();
    private EtcdServer _server = null!;
    private EtcdClient _client = null!;
    private ClusterStore _store = null!;
    private ClusterWatcher _watcher = null!;

    public async Task InitializeAsync()
    {
        string Url(string name) => "unix://" + Path.Combine(_directory.FullName, name);
        _server = await EtcdServer.StartAsync(new EtcdServerOptions
        {
            Name = "node-1",
            DataDir = Path.Combine(_directory.FullName, "store"),
            ListenClientUrls = [Url("clients")],
            AdvertiseClientUrls = [Url("clients")],
            ListenPeerUrls = [Url("peers")],
            InitialAdvertisePeerUrls = [Url("peers")],
            InitialCluster = "node-1=" + Url("peers"),
            Loggers = NullLoggerFactory.Instance,
        });
        _client = new EtcdClient(new EtcdClientOptions { Endpoints = [Url("clients")] });
        _store = new ClusterStore(_client, new ClusterKeys("late"));
        _watcher = new ClusterWatcher(_store, NullLogger.Instance);
    }

    public async Task DisposeAsync()
    {
        await _client.DisposeAsync();
        await _server.DisposeAsync();
        _directory.Delete(recursive: true);
    }

    public void Dispose() => _stopping.Dispose();

    [Fact]
    public async Task Late_write_of_a_leader_is_refused_by_the_store_and_the_leader_steps_down_and_campaigns_anew()
    {
        var control = Path.Combine(_directory.FullName, "control");
        await _store.PutAsync(_store.Keys.Settings, new ClusterSettings(["node-1"], GatewaySpec.None), ClusterJson.Default.ClusterSettings, lease: 0, _stopping.Token);
        await _store.PutAsync(
            _store.Keys.Node("node-1"),
            new NodeReport { Name = "node-1", Host = ProcessIdentity.Own.BootId, Process = ProcessIdentity.Own, Control = control, Since = DateTimeOffset.UtcNow },
            ClusterJson.Default.NodeReport,
            lease: 0,
            _stopping.Token);
        await WantAsync(1);

        var log = Path.Combine(_directory.FullName, "events");
        using var events = new EventLog(log, "node-1");
        var election = new SilentElection(SitAsync);
        var leader = new LeaderLoop("node-1", _store, _watcher, events, NullLogger.Instance, TimeProvider.System);
        var running = Task.WhenAll(
            _watcher.RunAsync(_stopping.Token),
            new NodeControl(control, [], _ => Task.CompletedTask, NullLogger.Instance).RunAsync(_stopping.Token),
            leader.RunAsync(election, _stopping.Token));
        try
        {
            election.Open();
            await AssignedAsync(1);
            var first = election.LastToken;

            var successor = await SitAsync(); // and nobody tells the first
            await WantAsync(2);

            ClusterEvent? refused = null;
            await Waiting.UntilAsync(
                "the leader's own write is refused", () => (refused = EventReader.Read([log]).FirstOrDefault(e => e.Kind == EventKind.LeaderFenced)) is not null, () => string.Join('\n', EventReader.Read([log])));
            Assert.Equal(("node-1", first), (refused!.Node, (long)refused.Data!["token"]!));
            await Waiting.UntilAsync("it campaigns anew", () => election.Campaigns == 2, () => $"{election.Campaigns} campaigns");
            var view = await _store.ReadAsync(serializable: false, _stopping.Token);
            Assert.Equal(successor, view.LeaderToken);
            Assert.Equal([new InstanceId("web", 1)], view.Assignments.Keys);

            election.Open(); // elected again, with a token of its own, it carries on where it was refused
            await AssignedAsync(2);
            Assert.True(election.LastToken > successor);
            Assert.Single(EventReader.Read([log]), e => e.Kind == EventKind.LeaderFenced);
        }
        finally
        {
            await _stopping.CancelAsync();
            await running;
        }
    }

    private Task AssignedAsync(int number) => Waiting.UntilAsync(
        $"web/{number} is assigned", () => _watcher.View.Assignments.ContainsKey(new InstanceId("web", number)), () => string.Join(", ", _watcher.View.Assignments.Keys));

    private Task WantAsync(int replicas) => _store.PutAsync(
        _store.Keys.Service("web"),
        new ServiceState { Spec = Web, Replicas = replicas, FileReplicas = replicas, FileHash = "" },
        ClusterJson.Default.ServiceState,
        lease: 0,
        _stopping.Token);

    /// <summary>Takes the seat, as whoever wins an election does; its mod revision is the token.</summary>
    private async Task<long> SitAsync()
    {
        var record = new LeaderRecord("node-1", 1, DateTimeOffset.UtcNow);
        var answer = await _client.PutAsync(
            new PutRequest
            {
                Key = ByteString.CopyFromUtf8(_store.Keys.Leader),
                Value = UnsafeByteOperations.UnsafeWrap(JsonSerializer.SerializeToUtf8Bytes(record, ClusterJson.Default.LeaderRecord)),
            },
            _stopping.Token);
        return answer.Header.Revision;
    }

    /// <summary>Elects whoever campaigns each time the test opens it, and never says that a leadership is lost.</summary>
    private sealed class SilentElection(Func<Task<long>> sit) : ILeaderElection
    {
        private readonly SemaphoreSlim _open = new(0);

        public int Campaigns { get; private set; }

        public long LastToken { get; private set; }

        public string Name => "silent";

        public Guarantee Guarantee => Guarantee.Exclusive;

        public void Open() => _open.Release();

        public async Task<Leadership> CampaignAsync(CancellationToken cancellation)
        {
            Campaigns++;
            await _open.WaitAsync(cancellation);
            LastToken = await sit();
            return new LeadershipSource(Name, new Conclave.Leader("node-1", new FencingToken(LastToken)), lease: null, () => Task.FromResult(ResignResult.Unknown)).Leadership;
        }

        public Task<Leadership?> TryCampaignAsync(CancellationToken cancellation) => throw new NotSupportedException();

        public IAsyncEnumerable<Conclave.Leader?> ObserveAsync(CancellationToken cancellation) => throw new NotSupportedException();

        public Task<Conclave.Leader?> GetLeaderAsync(CancellationToken cancellation) => throw new NotSupportedException();

        public ValueTask DisposeAsync()
        {
            _open.Dispose();
            return ValueTask.CompletedTask;
        }
    }
}
