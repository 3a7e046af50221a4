using System.Text.Json;

namespace Conclave.Server.Tests;

/// <summary>etcdctl from Debian against our server.</summary>
public sealed class EtcdctlTests : IAsyncLifetime
{
    private TestCluster _cluster = null!;

    private string Endpoint => _cluster.Endpoints[0];

    public async Task InitializeAsync() => _cluster = await TestCluster.StartAsync();

    public async Task DisposeAsync() => await _cluster.DisposeAsync();

    [Fact]
    public async Task Puts_gets_and_deletes()
    {
        Assert.Equal("OK\n", await Run("put", "a", "1"));
        Assert.Equal("OK\n", await Run("put", "b", "2"));
        Assert.Equal("a\n1\n", await Run("get", "a"));
        Assert.Equal("a\n1\nb\n2\n", await Run("get", "", "--prefix"));
        Assert.Equal("b\na\n", string.Join("", (await Run("get", "a", "z", "--order=DESCEND", "--keys-only")).Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(k => k + "\n")));
        Assert.Equal("1\n", await Run("del", "a"));
        Assert.Equal("", await Run("get", "a"));
    }

    [Fact]
    public async Task A_transaction_runs_the_branch_its_compare_selects()
    {
        await Run("put", "k", "1");

        var output = await Etcdctl.RunAsync(Endpoint, "value(\"k\") = \"1\"\n\nput k 2\nget k\n\nput k 3\n\n", "txn");

        Assert.StartsWith("SUCCESS", output, StringComparison.Ordinal);
        Assert.Contains("k\n2", output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_watch_prints_what_happens()
    {
        using var watch = Etcdctl.Start(Endpoint, "watch", "w", "--prefix", "--rev=1");
        await Run("put", "w1", "x");
        await Run("del", "w1");
        var lines = new List<string>();
        using var deadline = new CancellationTokenSource(TestCluster.Deadline);
        while (lines.Count < 6) lines.Add((await watch.StandardOutput.ReadLineAsync(deadline.Token))!);
        watch.Kill();

        Assert.Equal(["PUT", "w1", "x", "DELETE", "w1", ""], lines);
    }

    [Fact]
    public async Task A_lease_is_granted_shown_kept_and_revoked()
    {
        var id = (await Run("lease", "grant", "60")).Split(' ')[1];
        await Run("put", "leased", "x", $"--lease={id}");

        Assert.Contains("granted with TTL(60s)", await Run("lease", "timetolive", id, "--keys"), StringComparison.Ordinal);
        Assert.Contains("attached keys([leased])", await Run("lease", "timetolive", id, "--keys"), StringComparison.Ordinal);
        Assert.Contains("keepalived with TTL(60)", await Run("lease", "keep-alive", id, "--once"), StringComparison.Ordinal);
        Assert.Contains(id, await Run("lease", "list"), StringComparison.Ordinal);
        Assert.Equal($"lease {id} revoked\n", await Run("lease", "revoke", id));
        Assert.Equal("", await Run("get", "leased"));
        Assert.Contains("already expired", await Run("lease", "timetolive", id), StringComparison.Ordinal);
        var (code, _, errors) = await Etcdctl.TryAsync(Endpoint, null, "lease", "revoke", id);
        Assert.NotEqual(0, code);
        Assert.Contains("requested lease not found", errors, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Compaction_hides_history_and_says_so()
    {
        await Run("put", "c", "1");
        await Run("put", "c", "2");
        await Run("put", "c", "3");
        Assert.Equal("c\n1\n", await Run("get", "c", "--rev=2"));

        Assert.Equal("compacted revision 3\n", await Run("compaction", "3"));

        Assert.Equal("c\n2\n", await Run("get", "c", "--rev=3"));
        var (code, _, errors) = await Etcdctl.TryAsync(Endpoint, null, "get", "c", "--rev=2");
        Assert.NotEqual(0, code);
        Assert.Contains("etcdserver: mvcc: required revision has been compacted", errors, StringComparison.Ordinal);
        Assert.Contains("future revision", (await Etcdctl.TryAsync(Endpoint, null, "get", "c", "--rev=99")).Errors, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Status_health_and_members_are_shown()
    {
        using var status = JsonDocument.Parse(await Run("endpoint", "status", "-w", "json"));
        var fields = status.RootElement[0].GetProperty("Status");
        var member = _cluster.Server(0).Member;

        Assert.Equal(member.Id.Value, fields.GetProperty("leader").GetUInt64());
        Assert.StartsWith("3.5", fields.GetProperty("version").GetString(), StringComparison.Ordinal);
        Assert.Contains("is healthy", (await Etcdctl.TryAsync(Endpoint, null, "endpoint", "health")).Errors, StringComparison.Ordinal);
        Assert.Contains($"{member.Id}, started, m0, ", await Run("member", "list"), StringComparison.Ordinal);
        Assert.NotEmpty(await Run("endpoint", "hashkv"));
    }

    [Fact]
    public async Task What_is_not_there_yet_is_unimplemented()
    {
        var (code, _, errors) = await Etcdctl.TryAsync(Endpoint, null, "auth", "enable");

        Assert.NotEqual(0, code);
        Assert.Contains("Unimplemented", errors, StringComparison.OrdinalIgnoreCase);
    }

    private Task<string> Run(params string[] arguments) => Etcdctl.RunAsync(Endpoint, null, arguments);
}
