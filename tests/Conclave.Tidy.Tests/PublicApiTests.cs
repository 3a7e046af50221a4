using Conclave.Testing;
using Conclave.Tidy.Tests.Rules;

namespace Conclave.Tidy.Tests;

/// <summary>
/// What applications compile against is written down in a file beside each project, so that a change to it is seen in review. Written anew with
/// <c>CONCLAVE_WRITE_API=1 ./test Tidy --filter PublicApi</c>.
/// </summary>
public sealed class PublicApiTests
{
    /// <summary>The packages whose surface is promised; the others are parts of these.</summary>
    public static TheoryData<Type> Packages => new(
        typeof(ILeaderElection), typeof(Etcd.EtcdElection), typeof(ZooKeeper.ZooKeeperElection), typeof(Peers.PeerElection), typeof(Kubernetes.KubernetesElection), typeof(AspNetCore.FencingRequestOptions), typeof(FakeElection));

    [Theory]
    [MemberData(nameof(Packages))]
    public async Task The_public_surface_is_the_one_written_down(Type ofPackage)
    {
        var package = ofPackage.Assembly.GetName().Name!;
        var file = Path.Combine(SourceTree.Root, "src", package, "PublicApi.txt");
        var lines = PublicApi.Of(ofPackage.Assembly);
        if (Environment.GetEnvironmentVariable("CONCLAVE_WRITE_API") is "1")
            await File.WriteAllLinesAsync(file, lines);

        var written = File.Exists(file) ? await File.ReadAllLinesAsync(file) : [];
        var changes = written.Except(lines).Select(gone => "- " + gone).Concat(lines.Except(written).Select(come => "+ " + come)).ToList();
        Assert.True(changes.Count == 0, $"src/{package}/PublicApi.txt says something else. If this change is wanted, run CONCLAVE_WRITE_API=1 ./test Tidy --filter PublicApi\n{string.Join('\n', changes)}");
    }

    [Fact]
    public void The_surface_tells_types_members_defaults_and_what_may_be_null()
    {
        var lines = PublicApi.Of(typeof(ILeaderElection).Assembly);
        Assert.Contains("interface Conclave.ILeaderElection : System.IAsyncDisposable", lines);
        Assert.Contains("  Conclave.ILeaderElection.GetLeaderAsync(System.Threading.CancellationToken cancellation) -> System.Threading.Tasks.Task<Conclave.Leader?>", lines);
        Assert.Contains("  Conclave.Leadership.IsHeld { get; } -> bool", lines);
        Assert.Contains("  Conclave.LossReason.Resigned = 0", lines);
    }
}
