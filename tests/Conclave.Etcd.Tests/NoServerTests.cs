using Conclave.Wire.Etcd;

namespace Conclave.Etcd.Tests;

/// <summary>Nobody listens: a Unix socket that does not exist.</summary>
public sealed class NoServerTests
{
    private static readonly TimeSpan Deadline = TimeSpan.FromSeconds(60);

    [Fact]
    public async Task Who_leads_is_unavailable_and_not_nobody()
    {
        await using var client = NewClient();
        await using var session = NewSession(client);
        await using var election = new EtcdElection(session, "jobs");
        var fault = await Assert.ThrowsAsync<ElectionUnavailableException>(() => election.GetLeaderAsync(default).WaitAsync(Deadline));
        Assert.Contains("jobs", fault.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_try_ends_as_unavailable_and_not_as_led_by_another()
    {
        await using var client = NewClient();
        await using var session = NewSession(client);
        await using var election = new EtcdElection(session, "jobs");
        await Assert.ThrowsAsync<ElectionUnavailableException>(() => election.TryCampaignAsync(default).WaitAsync(Deadline));
    }

    [Fact]
    public async Task A_campaign_waits_until_it_is_cancelled()
    {
        await using var client = NewClient();
        await using var session = NewSession(client);
        await using var election = new EtcdElection(session, "jobs");
        using var withdraw = new CancellationTokenSource(TimeSpan.FromMilliseconds(700));
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => election.CampaignAsync(withdraw.Token).WaitAsync(Deadline));
    }

    private static EtcdClient NewClient() => new(new EtcdClientOptions { Endpoints = ["unix:///nowhere/client:1"], RequestTimeout = TimeSpan.FromMilliseconds(300) });

    private static EtcdSession NewSession(EtcdClient client) => new(client, new EtcdSessionOptions { TryTimeout = TimeSpan.FromMilliseconds(500) });
}
