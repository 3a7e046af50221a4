using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using Conclave.Orchestration.Model;
using Conclave.Orchestration.Processes;

namespace Conclave.Orchestration.Tests.Processes;

[System.Runtime.Versioning.SupportedOSPlatform("linux")]
public sealed class SpawnTests : ProcessFixtures
{
    [Theory]
    [InlineData(0)]
    [InlineData(7)]
    [InlineData(255)]
    public async Task Exit_code_is_told(int code) =>
        Assert.Equal(new ProcessExit.Code(code), await EndOf(Start(Shell($"exit {code}"))));

    [Theory]
    [InlineData(9)]
    [InlineData(15)]
    [InlineData(11)]
    public async Task Signal_that_killed_it_is_told(int signal) =>
        Assert.Equal(new ProcessExit.Signal(signal), await EndOf(Start(Shell($"kill -{signal} $$; sleep 100"))));

    [Fact]
    public async Task Both_outputs_are_appended_to_the_log_and_input_is_empty()
    {
        await File.WriteAllTextAsync(LogFile, "before\n");
        Assert.Equal("before\nout\nerr\ninput:", await OutputOf(Shell("echo out; echo err >&2; echo input:$(cat)")));
    }

    [Fact]
    public async Task Directory_arguments_and_environment_reach_the_child_unchanged()
    {
        var spec = new ProcessSpec
        {
            FileName = "/bin/sh",
            Arguments = ["-c", "pwd; echo \"$1\"; echo \"$ODD\"; echo \"${HOME-unset}\"", "sh", "a b; $(c) ü"],
            Directory = Folder,
            LogFile = LogFile,
            Environment = new Dictionary<string, string?> { ["ODD"] = "x=y \"z\"", ["HOME"] = null },
        };
        Assert.Equal($"{Folder}\na b; $(c) ü\nx=y \"z\"\nunset", await OutputOf(spec));
    }

    [Fact]
    public async Task Environment_can_be_replaced_as_a_whole()
    {
        var spec = Shell("env") with { FileName = "/usr/bin/env", Arguments = [], InheritEnvironment = false, Environment = new Dictionary<string, string?> { ["ONLY"] = "1" } };
        Assert.Equal("ONLY=1", await OutputOf(spec));
    }

    [Fact]
    public async Task Command_is_looked_up_in_the_path_of_the_child()
    {
        Script("greet", "#!/bin/sh\necho hello\n");
        var spec = Shell("") with { FileName = "greet", Arguments = [], Environment = new Dictionary<string, string?> { ["PATH"] = Folder + ":/usr/bin:/bin" } };
        Assert.Equal("hello", await OutputOf(spec));
    }

    [Fact]
    public async Task Relative_command_is_relative_to_its_directory()
    {
        Script("greet", "#!/bin/sh\necho hello\n");
        Assert.Equal("hello", await OutputOf(Shell("") with { FileName = "./greet", Arguments = [] }));
    }

    [Fact]
    public void Each_way_to_fail_has_its_own_sentence_and_starts_nothing()
    {
        Script("plain", "no first line\n", executable: false);
        Script("text", "no first line\n");
        Script("lost", "#!/no/such/interpreter\n");

        Fails(Shell("") with { FileName = "no-such-command-here" }, ProcessStartFailure.CommandNotFound, "no-such-command-here");
        Fails(Shell("") with { FileName = "greet-me" }, ProcessStartFailure.CommandNotFound, "PATH");
        Fails(Shell("") with { FileName = "./absent" }, ProcessStartFailure.CommandNotFound, Path.Combine(Folder, "absent"));
        Fails(Shell("") with { FileName = "plain" }, ProcessStartFailure.CommandNotFound, "./plain");
        Fails(Shell("") with { FileName = "./plain" }, ProcessStartFailure.NotExecutable, "chmod +x");
        Fails(Shell("") with { FileName = "./text" }, ProcessStartFailure.NotExecutable, "#!");
        Fails(Shell("") with { FileName = "./lost" }, ProcessStartFailure.NotExecutable, "interpreter");
        Fails(Shell("") with { FileName = Folder }, ProcessStartFailure.NotExecutable, "directory");
        Fails(Shell("") with { FileName = "" }, ProcessStartFailure.BadSpec, "empty");
        Fails(Shell("a\0b"), ProcessStartFailure.BadSpec, "NUL");
        Fails(Shell("") with { Directory = Folder + "/none" }, ProcessStartFailure.BadDirectory, Folder + "/none");
        Fails(Shell("") with { Directory = Folder + "/plain" }, ProcessStartFailure.BadDirectory, "file");
        Fails(Shell("") with { LogFile = Folder + "/none/x.log" }, ProcessStartFailure.LogNotWritable, Folder + "/none/x.log");
        Fails(Shell("") with { InheritedDescriptors = [new(9999, 3)] }, ProcessStartFailure.BadSpec, "9999");
        Fails(Shell("") with { InheritedDescriptors = [new(0, 2)] }, ProcessStartFailure.BadSpec, "3 to 255");
    }

    [Fact]
    public async Task Child_has_no_descriptor_but_those_it_was_given()
    {
        // A descriptor without close-on-exec, as a careless native library opens them.
        var careless = Libc.Open("/dev/null", Libc.O_RDONLY, 0);
        using var given = File.OpenHandle("/dev/zero");
        var spec = Python("import os\nfor f in sorted(map(int, os.listdir('/proc/self/fd'))):\n  try: print(f, os.readlink(f'/proc/self/fd/{f}'))\n  except OSError: pass")
            with { InheritedDescriptors = [new((int)given.DangerousGetHandle(), 5)] };
        var output = await OutputOf(spec);
        _ = Libc.Close(careless);
        Assert.Equal($"0 /dev/null\n1 {LogFile}\n2 {LogFile}\n5 /dev/zero", output);
    }

    [Fact]
    public async Task Descriptors_may_swap_their_numbers()
    {
        var (first, second) = ((int)EarlyDescriptors.Zero.DangerousGetHandle(), (int)EarlyDescriptors.Full.DangerousGetHandle());
        Assert.InRange(first, 3, 255);
        Assert.InRange(second, 3, 255);
        var spec = Shell($"readlink /proc/$$/fd/{first} /proc/$$/fd/{second}") with { InheritedDescriptors = [new(first, second), new(second, first)] };
        Assert.Equal("/dev/full\n/dev/zero", await OutputOf(spec));
    }

    [Fact]
    public async Task Child_leads_a_session_of_its_own()
    {
        var process = Start(Shell("sleep 100"));
        var stat = ProcessStat.Read(process.Pid)!.Value;
        Assert.Equal((process.Pid, process.Pid), (stat.Session, stat.Group));
        await process.KillAsync(default);
    }

    [Fact]
    public async Task Signals_are_at_their_defaults_in_the_child()
    {
        // .NET ignores SIGPIPE; inherited, it would turn every broken pipe of the child into an error code nobody looks at.
        using var self = new StreamReader("/proc/self/status");
        Assert.NotEqual(0, Mask(await self.ReadToEndAsync(), "SigIgn") & (1L << 12));

        var status = await OutputOf(new ProcessSpec { FileName = "cat", Arguments = ["/proc/self/status"], LogFile = LogFile });
        // 32 and 33 are the C library's own and ignored in every process it spawns.
        Assert.Equal(0, Mask(status, "SigIgn") & ~(3L << 31));
        Assert.Equal(0, Mask(status, "SigBlk"));
        File.Delete(LogFile);
        Assert.Equal(new ProcessExit.Signal(13), await EndOf(Start(Shell("kill -PIPE $$; exit 3"))));
    }

    [Fact]
    public async Task Child_accepts_from_a_listening_socket_it_inherited()
    {
        using var listening = ListeningSocket.Bind(new IPEndPoint(IPAddress.Loopback, 0), 16);
        Start(Python("import socket\ns = socket.socket(fileno=7)\nwhile True:\n  c, _ = s.accept()\n  c.sendall(b'from child')\n  c.close()")
            with { InheritedDescriptors = [new(listening.Descriptor, 7)] });
        Assert.Equal("from child", await Ask(listening.EndPoint));
        var endPoint = listening.EndPoint;
        listening.Dispose();
        Assert.Equal("from child", await Ask(endPoint));
    }

    [Fact]
    public async Task Two_hundred_quick_children_leave_no_zombie()
    {
        var exits = await Task.WhenAll(Enumerable.Range(0, 200).Select(i => Task.Run(() => EndOf(Start(Shell($"exit {i % 100}"))))));
        Assert.Equal(Enumerable.Range(0, 200).Select(i => (ProcessExit)new ProcessExit.Code(i % 100)), exits);
        await Until(() => !Directory.EnumerateDirectories("/proc").Select(Path.GetFileName).Any(IsZombieOfOurs), "no child is left uncollected");
    }

    [Fact]
    public async Task Runtimes_own_child_handling_takes_no_exit_code_from_us()
    {
        // Process.Start installs the runtime's SIGCHLD handler, which must leave our children alone.
        var script = Enumerable.Range(0, 20).Select(async i =>
        {
            using var theirs = Process.Start("/bin/sh", ["-c", "exit 5"]);
            var ours = await EndOf(Start(Shell("exit 6")));
            await theirs.WaitForExitAsync().WaitAsync(Deadline);
            return (theirs.ExitCode, ours);
        });
        Assert.All(await Task.WhenAll(script), pair => Assert.Equal((5, (ProcessExit)new ProcessExit.Code(6)), pair));
    }

    private static async Task<string> Ask(IPEndPoint endPoint)
    {
        using var client = new TcpClient();
        await client.ConnectAsync(endPoint).WaitAsync(Deadline);
        using var reader = new StreamReader(client.GetStream());
        return await reader.ReadToEndAsync().WaitAsync(Deadline);
    }

    private static bool IsZombieOfOurs(string? name) =>
        int.TryParse(name, out var pid) && ProcessStat.Read(pid) is { State: 'Z' } stat && stat.ParentPid == Environment.ProcessId && !OwnChildren.Contains(pid);

    private static long Mask(string status, string name) =>
        Convert.ToInt64(status.Split('\n').Single(line => line.StartsWith(name + ":", StringComparison.Ordinal))[(name.Length + 1)..].Trim(), 16);

    private static void Fails(ProcessSpec spec, ProcessStartFailure failure, string named)
    {
        var e = Assert.Throws<ProcessStartException>(() => ProcessSpawner.Spawn(spec));
        Assert.Equal(failure, e.Failure);
        Assert.Contains(named, e.Message, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', e.Message);
    }

    private void Script(string name, string text, bool executable = true)
    {
        var path = Path.Combine(Folder, name);
        File.WriteAllText(path, text);
        File.SetUnixFileMode(path, executable ? (UnixFileMode)0b111_101_101 : (UnixFileMode)0b110_100_100);
    }
}
