using System.Collections.Concurrent;
using System.Text;
using Conclave.Consensus;
using Conclave.Store;
using Conclave.Store.Mvcc;
using Microsoft.Extensions.Logging;

namespace Conclave.Runtime.Tests;

/// <summary>Real members in this process: temporary directories, Unix sockets, real time.</summary>
internal sealed class TestCluster : IAsyncDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);
    private readonly string _root = Directory.CreateTempSubdirectory("cv").FullName;
    private readonly MemberAddress[] _members;

    public TestCluster(int members)
    {
        _members = [.. Enumerable.Range(0, members).Select(i =>
        {
            var url = $"unix://{_root}/p{i}";
            return new MemberAddress(ClusterIdentity.MemberId("test", [url]), $"m{i}", [url]);
        })];
        Up = new LocalMember?[members];
    }

    public LocalMember?[] Up { get; }

    public IEnumerable<LocalMember> Running => Up.Where(m => m is not null)!;

    public Func<ReplicaOptions, ReplicaOptions> Configure { get; set; } = o => o;

    public ConcurrentQueue<string> Lines { get; } = new();

    public string DirectoryOf(int i) => Path.Combine(_root, $"d{i}");

    public LocalMemberOptions Options(int i) => new()
    {
        Id = _members[i].Id,
        Cluster = ClusterIdentity.ClusterId("test", _members.Select(m => m.Id)),
        Members = _members,
        DataDirectory = DirectoryOf(i),
        ClientUrls = [$"http://127.0.0.1:{i}"],
        Configure = Configure,
        Logger = new LineLogger(Lines),
    };

    public async Task StartAsync(params int[] which)
    {
        foreach (var i in which.Length > 0 ? which : [.. Enumerable.Range(0, Up.Length)])
            Up[i] = await LocalMember.StartAsync(Options(i));
    }

    public async Task StopAsync(int i)
    {
        await Up[i]!.DisposeAsync();
        Up[i] = null;
    }

    /// <summary>The member that leads and may act, once there is one.</summary>
    public async Task<int> LeaderAsync()
    {
        using var limit = new CancellationTokenSource(Patience);
        var waits = Running.Select(async member =>
        {
            await foreach (var standing in member.ObserveStandingAsync(limit.Token))
            {
                if (standing.Established)
                    return member;
            }

            throw new InvalidOperationException("The member ended.");
        }).ToArray();
        var leader = await await Task.WhenAny(waits);
        await limit.CancelAsync();
        await Task.WhenAll(waits).ContinueWith(_ => { }, TaskScheduler.Default);
        return Array.IndexOf(Up, leader);
    }

    public async Task PutAsync(int at, string key, string value)
    {
        using var limit = new CancellationTokenSource(Patience);
        var outcome = await Up[at]!.ProposeAsync(new Command.Put(Encoding.UTF8.GetBytes(key), Encoding.UTF8.GetBytes(value), LeaseId.None), limit.Token);
        Assert.IsType<ProposalOutcome.Applied>(outcome);
    }

    public async Task<string?> GetAsync(int at, string key, bool linearizable = true)
    {
        using var limit = new CancellationTokenSource(Patience);
        return await Up[at]!.ReadAsync(linearizable, applier => Get(applier, key), limit.Token);
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var member in Running)
            await member.DisposeAsync();
        Directory.Delete(_root, recursive: true);
    }

    private sealed class LineLogger(ConcurrentQueue<string> lines) : ILogger
    {
        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => logLevel >= LogLevel.Information;

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter) =>
            lines.Enqueue(formatter(state, exception));
    }

    private static string? Get(Applier applier, string key)
    {
        Assert.Equal(StoreError.None, applier.Store.Range(new RangeQuery(KeyRange.One(Encoding.UTF8.GetBytes(key))), out var found));
        return found!.Kvs.Count == 0 ? null : Encoding.UTF8.GetString(found.Kvs[0].Value.Span);
    }
}
