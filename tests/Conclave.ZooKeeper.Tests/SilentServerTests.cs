using System.Diagnostics;
using System.Net;
using System.Net.Sockets;

namespace Conclave.ZooKeeper.Tests;

/// <summary>No server, and servers that are none.</summary>
public sealed class SilentServerTests
{
    private static readonly TimeSpan Deadline = TimeSpan.FromSeconds(60);

    [Fact]
    public async Task Who_leads_is_unavailable_and_not_nobody()
    {
        await using var client = NewClient("127.0.0.1:1");
        await using var election = new ZooKeeperElection(client, "jobs");
        var fault = await Assert.ThrowsAsync<ElectionUnavailableException>(() => election.GetLeaderAsync(default).WaitAsync(Deadline));
        Assert.Contains("jobs", fault.Message, StringComparison.Ordinal);
        Assert.Contains("127.0.0.1:1: Connection refused", fault.Message, StringComparison.Ordinal);
        Assert.Contains("Servers", fault.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_try_ends_as_unavailable_and_not_as_led_by_another()
    {
        await using var client = NewClient("127.0.0.1:1");
        await using var election = new ZooKeeperElection(client, "jobs");
        await Assert.ThrowsAsync<ElectionUnavailableException>(() => election.TryCampaignAsync(default).WaitAsync(Deadline));
    }

    [Fact]
    public async Task A_campaign_waits_until_it_is_cancelled()
    {
        await using var client = NewClient("127.0.0.1:1");
        await using var election = new ZooKeeperElection(client, "jobs");
        using var withdraw = new CancellationTokenSource(TimeSpan.FromMilliseconds(700));
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => election.CampaignAsync(withdraw.Token).WaitAsync(Deadline));
    }

    [Fact]
    public async Task A_server_that_accepts_and_says_nothing_times_out()
    {
        using var silent = new TcpListener(IPAddress.Loopback, 0);
        silent.Start();
        await using var client = NewClient(silent.LocalEndpoint.ToString()!);
        var asked = Stopwatch.GetTimestamp();
        var fault = await Assert.ThrowsAnyAsync<Exception>(() => client.EnterSessionAsync(default).WaitAsync(Deadline));
        Assert.Contains("accepted no session within 200 ms", fault.Message, StringComparison.Ordinal);
        Assert.True(Stopwatch.GetElapsedTime(asked) < TimeSpan.FromSeconds(10));
    }

    [Fact]
    public async Task A_server_that_closes_the_connection_is_told_with_what_that_may_mean()
    {
        using var closing = new TcpListener(IPAddress.Loopback, 0);
        closing.Start();
        var accepted = closing.AcceptSocketAsync();
        await using var client = NewClient(closing.LocalEndpoint.ToString()!);
        var entering = client.EnterSessionAsync(default);
        using (var socket = await accepted)
            await socket.ReceiveAsync(new byte[1024]); // the hello, or closing would reset
        var fault = await Assert.ThrowsAnyAsync<Exception>(() => entering.WaitAsync(Deadline));
        Assert.Contains("closed the connection", fault.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_server_of_another_protocol_is_told()
    {
        using var other = new TcpListener(IPAddress.Loopback, 0);
        other.Start();
        var accepted = other.AcceptSocketAsync();
        await using var client = NewClient(other.LocalEndpoint.ToString()!);
        var entering = client.EnterSessionAsync(default);
        using var socket = await accepted;
        await socket.SendAsync("HTTP/1.1 400 Bad Request\r\n\r\n"u8.ToArray());
        var fault = await Assert.ThrowsAnyAsync<Exception>(() => entering.WaitAsync(Deadline));
        Assert.Contains("is this a ZooKeeper server?", fault.Message, StringComparison.Ordinal);
    }

    private static ZooKeeperClient NewClient(string server) => new(new ZooKeeperClientOptions
    {
        Servers = [server],
        AnswerTimeout = TimeSpan.FromMilliseconds(200),
        TryTimeout = TimeSpan.FromMilliseconds(500),
    });
}
