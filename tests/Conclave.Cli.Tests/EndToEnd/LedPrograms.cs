using System.Diagnostics;
using System.Globalization;

namespace Conclave.Cli.Tests.EndToEnd;

/// <summary>
/// Programs that <c>conclave lead</c> and <c>conclave lock</c> run in a directory of their own. Each takes a file lock while it runs and notes when it finds it taken, so two at work at once would show,
/// however short they were; and each notes its token and process.
/// </summary>
internal sealed class LedPrograms
{
    /// <summary>SIGINT, as Ctrl-C sends it.</summary>
    public const int Interrupt = 2;

    /// <summary>Works until it is ended; asked to end, it ends.</summary>
    public const string Program = "program.py";

    /// <summary>The same, and acts upon something all the while: each act is its token in the file <c>acts</c>.</summary>
    public const string ActingProgram = "acting.py";

    /// <summary>Works until it is killed: asked to end, it does not hear.</summary>
    public const string DeafProgram = "deaf.py";

    /// <summary>Works for as many seconds as its argument says.</summary>
    public const string ShortProgram = "short.py";

    private const string Beginning = """
        import fcntl, os, sys, time
        lock = open('lock', 'w')
        def note(name, text):
            with open(name, 'a') as file:
                file.write(text + '\n')
        token = os.environ['CONCLAVE_TOKEN']
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            note('two', 'two at work: ' + token)
        note('starts', token + ' ' + str(os.getpid()))

        """;

    private readonly DirectoryInfo _directory = System.IO.Directory.CreateTempSubdirectory("conclave-led-");
    private readonly List<Process> _running = [];

    public LedPrograms()
    {
        Write(Program, Beginning + "while True:\n    time.sleep(0.05)\n");
        Write(ActingProgram, Beginning + "while True:\n    note('acts', token)\n    time.sleep(0.02)\n");
        Write(DeafProgram, "import signal\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\n" + Beginning + "while True:\n    time.sleep(0.05)\n");
        Write(ShortProgram, Beginning + "time.sleep(float(sys.argv[1]))\n");
    }

    public string Directory => _directory.FullName;

    public bool TwoWorkedAtOnce => File.Exists(Path.Combine(Directory, "two"));

    public string[] Acts => File.Exists(Path.Combine(Directory, "acts")) ? File.ReadAllLines(Path.Combine(Directory, "acts")) : [];

    public void Write(string name, string text) => File.WriteAllText(Path.Combine(Directory, name), text);

    /// <summary>Starts a <c>conclave</c> that is killed with the test at the latest.</summary>
    public Process Conclave(params IEnumerable<string> arguments) => Own(ConclaveProgram.Command(Directory, arguments));

    public Process Other(string program, params IEnumerable<string> arguments)
    {
        var start = new ProcessStartInfo(program, arguments) { WorkingDirectory = Directory, RedirectStandardOutput = true, RedirectStandardError = true, RedirectStandardInput = true };
        start.Environment["ETCDCTL_API"] = "3";
        return Own(start);
    }

    public Task<Ended> RunAsync(params IEnumerable<string> arguments) => ConclaveProgram.RunAsync(Directory, arguments);

    /// <summary>The token and process of the start with this number, from 1, now or later.</summary>
    public async Task<(long Token, int Pid)> StartAsync(int number)
    {
        await Waiting.UntilAsync($"start {number}", () => Starts().Count >= number, () => $"there were {Starts().Count}");
        return Starts()[number - 1];
    }

    public List<(long Token, int Pid)> Starts()
    {
        var path = Path.Combine(Directory, "starts");
        return File.Exists(path)
            ? [.. File.ReadAllLines(path).Select(l => l.Split(' ')).Where(p => p.Length == 2).Select(p => (long.Parse(p[0], CultureInfo.InvariantCulture), int.Parse(p[1], CultureInfo.InvariantCulture)))]
            : [];
    }

    /// <summary>Ends all of it, and looks that nothing is left.</summary>
    public async Task EndAsync()
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

    /// <summary>The elector of a running program; 0 when it has ended meanwhile.</summary>
    public static int ElectorOf(int program)
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

    public static int ParentOf(int pid)
    {
        var stat = File.ReadAllText(string.Create(CultureInfo.InvariantCulture, $"/proc/{pid}/stat"));
        return int.Parse(stat[(stat.LastIndexOf(')') + 2)..].Split(' ')[1], CultureInfo.InvariantCulture);
    }

    public static bool IsAlive(int pid)
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

    public static Task DeadAsync(int pid) => Waiting.UntilAsync($"process {pid} has ended", () => !IsAlive(pid), () => "it runs");

    private Process Own(ProcessStartInfo start)
    {
        var process = Process.Start(start)!;
        process.StandardInput.Close();
        _ = ConclaveProgram.ReadAsync(process.StandardOutput);
        _ = ConclaveProgram.ReadAsync(process.StandardError);
        _running.Add(process);
        return process;
    }
}
