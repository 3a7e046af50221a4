using System.Net;
using Conclave.Contract;

namespace Conclave.Peers.Tests;

/// <summary>A group of real members on loopback: in processes of their own, or in this one. The network between any two of them can be put behind relays.</summary>
internal sealed class TestPeers : IAsyncDisposable
{
    public static readonly TimeSpan ElectionTimeout = TimeSpan.FromMilliseconds(500);

    /// <summary>For who must not lose the lead whatever befalls a busy machine; the group's own lease is of two election timeouts.</summary>
    public static readonly LeaseOptions Patient = new() { Ttl = TimeSpan.FromSeconds(20) };

    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("conclave-peers-");
    private readonly int[] _ports;
    private readonly bool _fast;
    private readonly TimeSpan _timeout;
    private readonly Dictionary<(int From, int To), Relay> _relays = [];
    private readonly List<RunningProcess> _processes = [];
    private readonly List<PeerGroup> _groups = [];

    public TestPeers(int members, bool fast = false, TimeSpan? timeout = null)
    {
        _ports = LoopbackPorts.Free(members);
        (_fast, _timeout) = (fast, timeout ?? ElectionTimeout);
    }

    public string Folder => _folder.FullName;

    public string GateFile => Path.Combine(Folder, "token");

    public static string NameOf(int member) => $"m{member}";

    public string DirectoryOf(int member) => Path.Combine(Folder, NameOf(member));

    public int PortOf(int member) => _ports[member];

    public static PeerGroupOptions Options(string name, string[] peers, string directory, TimeSpan timeout, bool fast) => new()
    {
        Name = name,
        Peers = peers,
        Directory = directory,
        ElectionTimeout = timeout,
        HeartbeatInterval = timeout / 10,
        FastPreVote = fast,
        TryTimeout = TimeSpan.FromSeconds(3),
        WithdrawTimeout = TimeSpan.FromSeconds(3),
    };

    public PeerGroupOptions Options(int member) => Options(NameOf(member), SeenBy(member), DirectoryOf(member), _timeout, _fast);

    /// <summary>A member in this process.</summary>
    public async Task<PeerGroup> JoinAsync(int member)
    {
        var group = await PeerGroup.StartAsync(Options(member));
        _groups.Add(group);
        return group;
    }

    /// <summary>The same, and one of the others coordinates.</summary>
    public async Task<PeerGroup> JoinAsFollowerAsync(int member)
    {
        while (true)
        {
            var group = await JoinAsync(member);
            await Awaited.UntilAsync("somebody coordinates", () => Task.FromResult(group.Coordinator is not null));
            if (group.Coordinator != NameOf(member))
                return group;

            // While it is away the others ask each other for their votes, so it comes back too late sooner or later.
            await group.DisposeAsync();
        }
    }

    /// <summary>A member in a process of its own, which does nothing but take part.</summary>
    public RunningProcess Member(int member) => Own(Start(member, []));

    /// <summary>A member in a process of its own, which campaigns and knocks at the gate.</summary>
    public RunningProcess Candidate(int member, string election, string? gateFile = null, TimeSpan? ttl = null) => Own(NewCandidate(member, election, gateFile ?? GateFile, ttl));

    /// <summary>The same, for the caller to dispose.</summary>
    public RunningProcess NewCandidate(int member, string election, string gateFile, TimeSpan? ttl, IReadOnlyDictionary<string, string>? environment = null) =>
        Start(member, [election, gateFile, $"{ttl?.TotalMilliseconds ?? 0}"], environment);

    /// <summary>From now on, what the member and the others say to each other goes through relays; for members that start after it.</summary>
    public void PutBehindRelays(int member)
    {
        for (var other = 0; other < _ports.Length; other++)
        {
            if (other == member)
                continue;
            _relays.Add((member, other), new Relay(new IPEndPoint(IPAddress.Loopback, _ports[other])));
            _relays.Add((other, member), new Relay(new IPEndPoint(IPAddress.Loopback, _ports[member])));
        }
    }

    public void CutOff()
    {
        foreach (var relay in _relays.Values)
            relay.Close();
    }

    public void Reconnect()
    {
        foreach (var relay in _relays.Values)
            relay.Open();
    }

    /// <summary>How long each piece is on its way through a relay.</summary>
    public void Delay(TimeSpan each)
    {
        foreach (var relay in _relays.Values)
            relay.Delay = each;
    }

    /// <summary>Keeps back what is on its way; connections stay, and nobody answers on them.</summary>
    public void Hold()
    {
        foreach (var relay in _relays.Values)
            relay.Hold();
    }

    public void Release()
    {
        foreach (var relay in _relays.Values)
            relay.Release();
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var group in _groups)
            await group.DisposeAsync();
        foreach (var process in _processes)
            process.Dispose();
        foreach (var relay in _relays.Values)
            await relay.DisposeAsync();
        _folder.Delete(recursive: true);
    }

    private RunningProcess Start(int member, string[] part, IReadOnlyDictionary<string, string>? environment = null)
    {
        string[] common = [typeof(Candidate).Assembly.Location, NameOf(member), string.Join(',', SeenBy(member)), DirectoryOf(member), $"{_timeout.TotalMilliseconds}", $"{_fast}"];
        return new RunningProcess(Environment.ProcessPath!, [.. common, .. part], Folder, environment);
    }

    private RunningProcess Own(RunningProcess process)
    {
        _processes.Add(process);
        return process;
    }

    // Ids come from names, so each member may know the others by addresses of its own.
    private string[] SeenBy(int member) =>
        [.. Enumerable.Range(0, _ports.Length).Select(i => $"{NameOf(i)}={(_relays.TryGetValue((member, i), out var relay) ? relay.Address : $"127.0.0.1:{_ports[i]}")}")];
}
