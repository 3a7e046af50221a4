using System.Net;
using System.Net.Sockets;
using Conclave.Orchestration.Cluster;
using Conclave.Orchestration.Nodes;
using Conclave.Orchestration.Processes;
using Conclave.Orchestration.Supervision;

namespace Conclave.Orchestration.Tests.Supervision;

public sealed class PortChoiceTests : IDisposable
{
    private static readonly InstanceId Web1 = new("web", 1);
    private static readonly HashSet<int> NoneTaken = [];
    private readonly ClusterDirectory _directory = new(Directory.CreateTempSubdirectory("conclave-ports-").FullName);

    public void Dispose() => Directory.Delete(_directory.Root, recursive: true);

    [Fact]
    public void A_port_that_a_sibling_wrote_down_is_not_chosen_though_nobody_listens_there_yet()
    {
        var first = Choose("node-1");
        Record("node-2", "web", 2, first);

        var second = Choose("node-1");

        Assert.NotEqual(first, second);
        Record("node-3", "files", 1, second);
        Assert.False(Choose("node-1") is var third && (third == first || third == second));
    }

    [Fact]
    public void A_siblings_record_that_cannot_be_read_is_passed_over_and_left_to_its_owner()
    {
        var first = Choose("node-1");
        Record("node-2", "web", 2, first);
        var torn = Path.Combine(_directory.NodeInstances("node-2"), "web.3.json");
        File.WriteAllText(torn, "{ \"v\": 1, ");

        Assert.NotEqual(first, Choose("node-1"));
        Assert.Equal("{ \"v\": 1, ", File.ReadAllText(torn));
    }

    [Fact]
    public void A_recorded_port_is_kept_while_nobody_else_listens_there()
    {
        var own = Choose("node-1");
        Record("node-1", "web", 1, own);
        Assert.Equal(own, Choose("node-1"));

        using (var stranger = new TcpListener(IPAddress.Loopback, own))
        {
            stranger.Start();
            Assert.NotEqual(own, Choose("node-1"));
        }

        Assert.Equal(own, Choose("node-1"));
    }

    private int Choose(string node)
    {
        var launcher = new InstanceLauncher(node, _directory, new NodeLauncher("/bin/false", [], _directory, []), TimeProvider.System);
        return launcher.PortOf(Web1, NoneTaken);
    }

    private void Record(string node, string service, int number, int port) => new InstanceRecordStore(_directory.NodeInstances(node)).Write(new InstanceRecord
    {
        Service = service,
        Number = number,
        State = InstanceRecordState.Starting,
        Port = port,
        SpecHash = "",
        LogFile = _directory.InstanceLog(new InstanceId(service, number)),
        Since = DateTimeOffset.UnixEpoch,
    });
}
