using System.Globalization;

namespace Conclave.Cli.Tests.EndToEnd;

/// <summary><c>conclave lock</c> with real processes against our own server, and beside <c>etcdctl lock</c> on Debian's etcd.</summary>
[Collection(EndToEndCollection.Name)]
public sealed class LockTests : IAsyncLifetime
{
    private readonly LedPrograms _programs = new();
    private string _endpoint = "";

    public async Task InitializeAsync() => _endpoint = await ElectionServers.ServeAsync(_programs);

    public Task DisposeAsync() => _programs.EndAsync();

    [Fact]
    public async Task Five_who_want_it_run_one_after_the_other_each_once()
    {
        var ended = await Task.WhenAll(Enumerable.Range(0, 5).Select(_ => LockAsync("report", "--", "python3", LedPrograms.ShortProgram, "0.2")));

        Assert.All(ended, one => Assert.True(one.Code == 0 && one.Error.Length == 0, one.ToString()));
        Assert.Equal(5, _programs.Starts().Count);
        Assert.Equal(_programs.Starts().OrderBy(start => start.Token), _programs.Starts());
        Assert.False(_programs.TwoWorkedAtOnce, "two programs worked at once");
    }

    [Fact]
    public async Task Who_does_not_wait_or_waits_in_vain_says_so_and_runs_nothing()
    {
        _programs.Conclave("lock", "report", "--endpoints", _endpoint, "--", "python3", LedPrograms.Program);
        await _programs.StartAsync(1);

        Refused(await LockAsync("report", "--no-wait", "--", "touch", "ran"), 124, "'report' is held by somebody else");
        Refused(await LockAsync("report", "--wait", "300ms", "--", "touch", "ran"), 124, "'report' was not free within 0.3 s");
        Refused(await LockAsync("report", "-n", "-E", "75", "--", "touch", "ran"), 75, "'report' is held by somebody else");
        Assert.Equal(0, (await LockAsync("another", "--no-wait", "--", "touch", "ran-another")).Code);
        Assert.False(File.Exists(Path.Combine(_programs.Directory, "ran")));
        Assert.True(File.Exists(Path.Combine(_programs.Directory, "ran-another")));
    }

    [Fact]
    public async Task Lock_of_a_killed_holder_is_free_after_its_lease_and_never_before_its_program_has_ended()
    {
        var holder = _programs.Conclave("lock", "report", "--endpoints", _endpoint, "--ttl", "4", "--grace", "0.3", "--", "python3", LedPrograms.Program);
        var first = await _programs.StartAsync(1);
        var next = LockAsync("report", "--", "python3", LedPrograms.ShortProgram, "0");

        RunningCluster.Signal(RunningCluster.Kill, holder.Id);

        Assert.Equal(0, (await next).Code);
        Assert.False(LedPrograms.IsAlive(first.Pid));
        Assert.True(_programs.Starts()[1].Token > first.Token);
        Assert.False(_programs.TwoWorkedAtOnce, "two programs worked at once");
    }

    [Fact]
    public async Task Lock_that_is_lost_ends_the_program_which_is_not_run_again()
    {
        var holding = LockAsync("report", "--", "python3", LedPrograms.Program);
        var first = await _programs.StartAsync(1);

        var resigned = await _programs.RunAsync("election", "resign", "report", "--endpoints", _endpoint);

        Assert.True(resigned.Code == 0, resigned.ToString());
        Refused(await holding, 125, "the program was ended: the leadership was taken away");
        Assert.False(LedPrograms.IsAlive(first.Pid));
        Assert.Single(_programs.Starts());
    }

    [Theory]
    [InlineData(7, "--", "sh", "-c", "exit 7")]
    [InlineData(0, "--", "sh", "-c", "test \"$CONCLAVE_TOKEN\" -gt 0 && test \"$CONCLAVE_ELECTION\" = report && test -n \"$CONCLAVE_LOST_AT\"")]
    [InlineData(128 + 9, "--", "sh", "-c", "kill -9 $$")]
    [InlineData(127, "--", "no-such-program-here")]
    [InlineData(126, "--", "./program.py")]
    [InlineData(2)]
    [InlineData(2, "--wait", "soon", "--", "true")]
    [InlineData(2, "--wait", "-1", "--", "true")]
    [InlineData(2, "-E", "256", "--", "true")]
    [InlineData(2, "--ttl", "1", "--", "true")]
    [InlineData(2, "--ttl", "NaN", "--", "true")]
    [InlineData(2, "--grace", "1e300", "--", "true")]
    [InlineData(2, "--signal", "LOUD", "--", "true")]
    public async Task Exit_code_says_what_became_of_the_program(int code, params string[] arguments)
    {
        var ended = await LockAsync("report", arguments);
        Assert.True(ended.Code == code, ended.ToString());
        Assert.Equal(code is 2 or 126 or 127 ? 1 : 0, ended.Complaints.Count);
    }

    [Fact]
    public async Task Where_nobody_answers_one_line_says_so()
    {
        var ended = await _programs.RunAsync("lock", "report", "--no-wait", "--endpoints", string.Create(CultureInfo.InvariantCulture, $"http://127.0.0.1:{LoopbackPorts.Free()}"), "--", "true");
        Assert.True(ended.Code == 125 && ended.Complaints is [var why] && why.Contains("--endpoints", StringComparison.Ordinal), ended.ToString());
    }

    [NeedsFact("etcdctl")]
    public async Task On_etcd_it_and_etcdctl_lock_exclude_each_other()
    {
        var etcd = await ElectionServers.EtcdAsync(_programs);

        // Theirs holds, ours waits.
        _programs.Other("etcdctl", "--endpoints", etcd, "lock", "report", "--", "sh", "-c", "touch theirs; for i in $(seq 1200); do [ -e enough ] && exit; sleep 0.05; done");
        await Waiting.UntilAsync("etcdctl holds the lock", () => File.Exists(Path.Combine(_programs.Directory, "theirs")), () => "it does not");
        Refused(await _programs.RunAsync("lock", "report", "--no-wait", "--endpoints", etcd, "--", "true"), 124, "held by somebody else");
        var ours = _programs.Conclave("lock", "report", "--endpoints", etcd, "--", "python3", LedPrograms.Program);
        await Waiting.UntilAsync("ours waits behind it", async () => (await ShownAsync(etcd)).Contains("NEXT", StringComparison.Ordinal), () => "it does not");
        Assert.Empty(_programs.Starts());

        // Theirs lets go, ours holds, theirs waits.
        _programs.Write("enough", "");
        await _programs.StartAsync(1);
        _programs.Other("etcdctl", "--endpoints", etcd, "lock", "report", "touch", "theirs-again");
        await Waiting.UntilAsync("theirs waits behind ours", async () => (await ShownAsync(etcd)).Contains("NEXT", StringComparison.Ordinal), () => "it does not");
        Assert.False(File.Exists(Path.Combine(_programs.Directory, "theirs-again")));
        RunningCluster.Signal(RunningCluster.Terminate, ours.Id);
        await Waiting.UntilAsync("theirs holds it", () => File.Exists(Path.Combine(_programs.Directory, "theirs-again")), () => "it does not");
    }

    private async Task<string> ShownAsync(string endpoint) => (await _programs.RunAsync("election", "show", "report", "--endpoints", endpoint)).Out;

    private Task<Ended> LockAsync(string name, params string[] arguments) => _programs.RunAsync(["lock", name, "--endpoints", _endpoint, .. arguments]);

    private static void Refused(Ended ended, int code, string why) =>
        Assert.True(ended.Code == code && ended.Complaints is [var line] && line.Contains(why, StringComparison.Ordinal), ended.ToString());
}
