using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using Conclave.Wire.Etcd;
using Conclave.Wire.Grpc;
using Google.Protobuf;

namespace Conclave.Bench.Put;

/// <summary>Three members of one system, as processes, started with the same flags: <c>conclave serve</c> takes etcd's.</summary>
internal sealed class Group : IDisposable
{
    private const int Size = 3;

    // Both systems' connections are cut the same way: this many to each member.
    private const int ConnectionsPerMember = 4;

    private readonly string _directory;
    private readonly List<Process> _members = [];
    private readonly List<GrpcChannel> _channels = [];

    private Group(string name, string directory)
    {
        Name = name;
        _directory = directory;
    }

    public string Name { get; }

    public IReadOnlyList<Process> Members => _members;

    /// <summary>From the start of the processes to the first put answered by every member.</summary>
    public TimeSpan ColdStart { get; private set; }

    /// <summary>Of all processors, all members together, since they started.</summary>
    public TimeSpan ProcessorTime => _members.Aggregate(TimeSpan.Zero, (sum, member) => sum + ProcessorTimeOf(member));

    public static TimeSpan ProcessorTimeOf(Process member)
    {
        member.Refresh();
        return member.TotalProcessorTime;
    }

    public static async Task<Group> StartAsync(string name, string program, string[] before, string directory)
    {
        var group = new Group(name, System.IO.Directory.CreateDirectory(Path.Combine(directory, $"conclave-bench-put-{Environment.ProcessId}-{name}")).FullName);
        try
        {
            var ports = FreePorts(2 * Size);
            var initial = string.Join(',', Enumerable.Range(0, Size).Select(i => $"m{i}=http://127.0.0.1:{ports[Size + i]}"));
            var began = Stopwatch.GetTimestamp();
            for (var i = 0; i < Size; i++)
            {
                var client = $"http://127.0.0.1:{ports[i]}";
                var peer = $"http://127.0.0.1:{ports[Size + i]}";
                string[] flags =
                [
                    "--name", $"m{i}", "--data-dir", Path.Combine(group._directory, $"m{i}"),
                    "--listen-client-urls", client, "--advertise-client-urls", client,
                    "--listen-peer-urls", peer, "--initial-advertise-peer-urls", peer,
                    "--initial-cluster", initial, "--initial-cluster-state", "new", "--initial-cluster-token", group._directory,
                ];
                group._members.Add(group.StartMember(program, [.. before, .. flags], i));
                for (var n = 0; n < ConnectionsPerMember; n++) group._channels.Add(new GrpcChannel(GrpcAddress.Parse(client), new GrpcChannelOptions()));
            }

            await group.UntilAllAnswerAsync();
            group.ColdStart = Stopwatch.GetElapsedTime(began);
            return group;
        }
        catch
        {
            group.Dispose();
            throw;
        }
    }

    /// <summary>As many connections as there are clients, up to all, an equal number to each member.</summary>
    public GrpcChannel[] Connections(int clients)
    {
        var perMember = Math.Clamp((clients + Size - 1) / Size, 1, ConnectionsPerMember);
        return [.. Enumerable.Range(0, perMember).SelectMany(n => Enumerable.Range(0, Size).Select(member => _channels[(member * ConnectionsPerMember) + n]))];
    }

    public void Dispose()
    {
        foreach (var channel in _channels) channel.Dispose();
        foreach (var member in _members)
        {
            member.Kill();
            member.WaitForExit();
            member.Dispose();
        }

        System.IO.Directory.Delete(_directory, recursive: true);
    }

    private Process StartMember(string program, string[] arguments, int index)
    {
        var start = new ProcessStartInfo(program, arguments) { RedirectStandardError = true, RedirectStandardOutput = true, WorkingDirectory = _directory };
        var member = Process.Start(start) ?? throw new InvalidOperationException($"{program} did not start");
        var log = TextWriter.Synchronized(new StreamWriter(Path.Combine(_directory, $"m{index}.log")) { AutoFlush = true });
        member.OutputDataReceived += (_, line) => log.WriteLine(line.Data);
        member.ErrorDataReceived += (_, line) => log.WriteLine(line.Data);
        member.BeginOutputReadLine();
        member.BeginErrorReadLine();
        return member;
    }

    private async Task UntilAllAnswerAsync()
    {
        var request = new PutRequest { Key = ByteString.CopyFromUtf8("ready"), Value = ByteString.CopyFromUtf8("yes") };
        var deadline = Stopwatch.StartNew();
        for (var member = 0; member < Size;)
        {
            try
            {
                await _channels[member * ConnectionsPerMember].UnaryAsync(EtcdMethods.Put, request, TimeSpan.FromSeconds(5), CancellationToken.None);
                member++;
            }
            catch (GrpcException refused)
            {
                if (_members.FirstOrDefault(m => m.HasExited) is { } dead) throw new InvalidOperationException($"a member of {Name} ended with {dead.ExitCode}; see {_directory}", refused);
                if (deadline.Elapsed > TimeSpan.FromSeconds(60)) throw;
                await Task.Delay(20);
            }
        }
    }

    private static int[] FreePorts(int count)
    {
        var listeners = Enumerable.Range(0, count).Select(_ => new TcpListener(IPAddress.Loopback, 0)).ToArray();
        foreach (var listener in listeners) listener.Start();
        var ports = listeners.Select(l => ((IPEndPoint)l.LocalEndpoint).Port).ToArray();
        foreach (var listener in listeners) listener.Stop();
        return ports;
    }
}
