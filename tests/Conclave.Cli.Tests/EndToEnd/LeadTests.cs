using System.Diagnostics;
using System.Globalization;

namespace Conclave.Cli.Tests.EndToEnd;

/// <summary>
/// <c>conclave lead</c> with real processes against our own server. The program that is led holds a lock while it runs and notes when it finds it taken: so two at work at once would show,
/// however short they were.
/// </summary>
[Collection(EndToEndCollection.Name)]
public sealed class LeadTests : IAsyncLifetime
{
    private const string Program = """
        import fcntl, os, sys, time
        lock = open('lock', 'w')
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            open('two', 'a').write('two at work\n')
        with open('starts', 'a') as starts:
            starts.write(os.environ['CONCLAVE_TOKEN'] + ' ' + str(os.getpid()) + '\n')
        while True:
            time.sleep(0.05)
        """;

    private const int ShortTtl = 4;
    private const int LongTtl = 3600;

    private readonly DirectoryInfo _directory = Directory.CreateTempSubdirectory("conclave-lead-");
    private readonly List<Process> _running = [];
    private Process _server = null!;

    private string Endpoint => $"unix://{Path.Combine(_directory.FullName, "client")}";

    public async Task InitializeAsync()
    {
        await File.WriteAllTextAsync(Path.Combine(_directory.FullName, "program.py"), Program);
        var peer = $"unix://{Path.Combine(_directory.FullName, "peer")}";
        _server = Start("serve", "--data-dir", "data", "--listen-client-urls", Endpoint, "--advertise-client-urls", Endpoint, "--listen-peer-urls", peer,
            "--initial-advertise-peer-urls", peer, "--initial-cluster", $"default={peer}", "--heartbeat-interval", "20", "--election-timeout", "200");
        await Waiting.UntilAsync("the server listens", () => File.Exists(Path.Combine(_directory.FullName, "client")), () => "it does not");
    }

    public async Task DisposeAsync()
    {
        foreach (var process in Enumerable.Reverse(_running))
        {
            RunningCluster.SignalIfAlive(RunningCluster.Continue, process.Id);
            process.Kill();
            await process.WaitForExitAsync();
            process.Dispose();
        }

        await Waiting.UntilAsync("nothing of it runs", () => Starts().All(s => !IsAlive(s.Pid)), () => "a program was left");
        _directory.Delete(recursive: true);
    }

    public enum Fault
    {
        KillProgram,
        KillElector,
        StopElector,
        KillGuard,
        StopGuard,
    }

    [Theory]
    [InlineData(Fault.KillProgram)]
    [InlineData(Fault.KillElector)]
    [InlineData(Fault.StopElector)]
    [InlineData(Fault.KillGuard)]
    [InlineData(Fault.StopGuard)]
    public async Task Another_takes_over_and_two_never_work_at_once(Fault fault)
    {
        var electors = new[] { Lead(), Lead() };
        var first = await StartAsync(1);
        var guard = ParentOf(first.Pid);
        var elector = ParentOf(guard);
        Assert.Contains(elector, electors.Select(e => e.Id));

        var (signal, pid) = fault switch
        {
            Fault.KillProgram => (RunningCluster.Kill, first.Pid),
            Fault.KillElector => (RunningCluster.Kill, elector),
            Fault.StopElector => (RunningCluster.Stop, elector),
            Fault.KillGuard => (RunningCluster.Kill, guard),
            _ => (RunningCluster.Stop, guard),
        };
        RunningCluster.Signal(signal, pid);
        var second = await StartAsync(2);

        Assert.True(second.Token > first.Token);
        Assert.False(IsAlive(first.Pid));
        Assert.NotEqual(elector, ParentOf(ParentOf(second.Pid)));
        if (fault == Fault.StopElector)
        {
            // Woken, it stands again, and has its turn when the other's program has ended often enough.
            RunningCluster.Signal(RunningCluster.Continue, elector);
            for (var number = 3; ElectorOf(second.Pid) is not 0 and var leads && leads != elector; number++)
            {
                RunningCluster.Signal(RunningCluster.Kill, second.Pid);
                second = await StartAsync(number);
            }

            Assert.Equal(elector, ElectorOf(second.Pid));
        }

        Assert.False(File.Exists(Path.Combine(_directory.FullName, "two")), "two programs worked at once");
    }

    [Fact]
    public async Task Asked_to_end_it_ends_the_program_first_and_resigns()
    {
        var elector = LeadFor(LongTtl);
        var first = await StartAsync(1);
        RunningCluster.Signal(RunningCluster.Terminate, elector.Id);
        await elector.WaitForExitAsync();
        Assert.Equal(128 + RunningCluster.Terminate, elector.ExitCode);
        Assert.False(IsAlive(first.Pid));
        LeadFor(LongTtl);
        await StartAsync(2); // long before the lease would have ended
    }

    [Fact]
    public async Task Program_that_cannot_hear_is_killed_after_the_grace()
    {
        var elector = Lead("--", "python3", "-c", "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); open('starts', 'a').write('1 ' + str(__import__('os').getpid()) + '\\n'); time.sleep(1000)");
        var first = await StartAsync(1);
        RunningCluster.Signal(RunningCluster.Terminate, elector.Id);
        await elector.WaitForExitAsync();
        Assert.Equal(128 + RunningCluster.Kill, elector.ExitCode);
        Assert.False(IsAlive(first.Pid));
    }

    [Theory]
    [InlineData(7, "--once", "--", "sh", "-c", "exit 7")]
    [InlineData(0, "--once", "--", "sh", "-c", "test \"$CONCLAVE_TOKEN\" -gt 0 && test \"$CONCLAVE_ELECTION\" = billing/dialer && test -n \"$CONCLAVE_LOST_AT\"")]
    [InlineData(128 + 9, "--once", "--", "sh", "-c", "kill -9 $$")]
    [InlineData(127, "--once", "--", "no-such-program-here")]
    [InlineData(126, "--once", "--", "./program.py")]
    [InlineData(2, "--once")]
    [InlineData(2, "--ttl", "5", "--grace", "30", "--", "true")]
    [InlineData(2, "--backend", "paper", "--", "true")]
    [InlineData(2, "--on-exit", "dance", "--", "true")]
    public async Task Exit_code_says_what_became_of_the_program(int code, params string[] arguments)
    {
        var ended = await ConclaveProgram.RunAsync(_directory.FullName, ["lead", "billing/dialer", "--endpoints", Endpoint, .. arguments]);
        Assert.True(ended.Code == code, ended.ToString());
        if (code is 2 or 126 or 127)
            Assert.Single(ended.Complaints, line => !line.Contains("waits to lead", StringComparison.Ordinal) && !line.Contains(": leads ", StringComparison.Ordinal));
    }

    [Fact]
    public async Task Where_nobody_answers_one_line_says_so()
    {
        var ended = await ConclaveProgram.RunAsync(_directory.FullName, "lead", "billing/dialer", "--endpoints", $"http://127.0.0.1:{RunningCluster.FreePort()}", "--", "true");
        Assert.True(ended.Code == 125 && ended.Complaints is [var why] && why.Contains("--endpoints", StringComparison.Ordinal), ended.ToString());
    }

    private Process Lead(params string[] command) => LeadFor(ShortTtl, command);

    private Process LeadFor(int ttl, params string[] command) => Start(
        ["lead", "billing/dialer", "--endpoints", Endpoint, "--ttl", ttl.ToString(CultureInfo.InvariantCulture), "--grace", "0.3", .. command.Length == 0 ? ["--", "python3", "program.py"] : command]);

    private Process Start(params string[] arguments)
    {
        var process = Process.Start(ConclaveProgram.Command(_directory.FullName, arguments))!;
        process.StandardInput.Close();
        _ = ConclaveProgram.ReadAsync(process.StandardOutput);
        _ = ConclaveProgram.ReadAsync(process.StandardError);
        _running.Add(process);
        return process;
    }

    private async Task<(long Token, int Pid)> StartAsync(int number)
    {
        await Waiting.UntilAsync($"start {number}", () => Starts().Count >= number, () => $"there were {Starts().Count}");
        return Starts()[number - 1];
    }

    private List<(long Token, int Pid)> Starts()
    {
        var path = Path.Combine(_directory.FullName, "starts");
        return File.Exists(path)
            ? [.. File.ReadAllLines(path).Select(l => l.Split(' ')).Where(p => p.Length == 2).Select(p => (long.Parse(p[0], CultureInfo.InvariantCulture), int.Parse(p[1], CultureInfo.InvariantCulture)))]
            : [];
    }

    /// <summary>The elector of a running program; 0 when it has ended meanwhile.</summary>
    private static int ElectorOf(int program)
    {
        try
        {
            return ParentOf(ParentOf(program));
        }
        catch (IOException)
        {
            return 0;
        }
    }

    private static int ParentOf(int pid)
    {
        var stat = File.ReadAllText(string.Create(CultureInfo.InvariantCulture, $"/proc/{pid}/stat"));
        return int.Parse(stat[(stat.LastIndexOf(')') + 2)..].Split(' ')[1], CultureInfo.InvariantCulture);
    }

    private static bool IsAlive(int pid)
    {
        try
        {
            var stat = File.ReadAllText(string.Create(CultureInfo.InvariantCulture, $"/proc/{pid}/stat"));
            return stat[stat.LastIndexOf(')') + 2] is not ('Z' or 'X');
        }
        catch (IOException)
        {
            return false;
        }
    }
}
