using Conclave.Kubernetes.Tests.ApiServer;
using static Conclave.Contract.Awaited;

namespace Conclave.Kubernetes.Tests;

/// <summary>Writes that are on their way while the one who sent them gives up: they are done by the server after all that follows them.</summary>
public sealed class LateWriteTests(KubernetesServer server) : IClassFixture<KubernetesServer>, IAsyncLifetime
{
    private readonly ElectionBench _bench = new(server, $"late/e{Guid.NewGuid():n}");

    public Task InitializeAsync() => Task.CompletedTask;

    public async Task DisposeAsync()
    {
        server.Hold();
        await _bench.DisposeAsync();
    }

    [Fact]
    public async Task A_renewal_under_way_does_not_take_back_a_Lease_that_was_given_up()
    {
        var leadership = await ElectedAsync(_bench.NewPatient("a"));
        server.Hold(Writes.Renew);
        await HeldAsync();
        Assert.Equal(ResignResult.Released, await leadership.ResignAsync(default).WaitAsync(Deadline));
        await LetGoAsync();
        Assert.Null(await _bench.HolderAsync());
    }

    [Fact]
    public async Task An_acquisition_under_way_is_void_once_its_candidate_has_withdrawn()
    {
        using var withdraw = new CancellationTokenSource();
        server.Hold(Writes.Acquire);
        var campaign = _bench.NewPatient("a").CampaignAsync(withdraw.Token);
        await HeldAsync();
        await withdraw.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => campaign.WaitAsync(Deadline));
        await LetGoAsync();
        Assert.Null(await _bench.HolderAsync());
    }

    [Fact]
    public async Task Lost_is_told_before_the_Lease_is_given_back()
    {
        var leadership = await ElectedAsync(_bench.NewPatient("a"));
        server.Hold(Writes.Release);
        var resigning = leadership.ResignAsync(default);
        await HeldAsync();
        Assert.True(leadership.Lost.IsCancellationRequested);
        Assert.Equal(LossReason.Resigned, leadership.LossReason);
        Assert.NotNull(await _bench.HolderAsync());
        server.Hold();
        Assert.Equal(ResignResult.Released, await resigning.WaitAsync(Deadline));
        Assert.Null(await _bench.HolderAsync());
    }

    private Task HeldAsync() => UntilAsync("a write has arrived and waits", async () => await server.HeldAsync() > 0);

    private Task LetGoAsync()
    {
        server.Hold();
        return UntilAsync("the write was done, or refused", async () => await server.HeldAsync() == 0);
    }
}
