using Conclave.Tests.Hosting;
using Microsoft.Extensions.DependencyInjection;

namespace Conclave.Tests;

public sealed class DistributedLockTests
{
    private readonly InMemoryElections _elections = new();

    [Fact]
    public async Task One_holder_at_a_time_within_a_process_and_between_them()
    {
        // Two candidates stand for two processes.
        using var here = new DistributedLock(_elections.Join("lock", "here"));
        using var there = new DistributedLock(_elections.Join("lock", "there"));
        var (inside, tokens) = (0, new List<long>());
        await Task.WhenAll(Enumerable.Range(0, 8).Select(number => Task.Run(async () =>
        {
            for (var turn = 0; turn < 50; turn++)
            {
                await using var hold = await (number % 2 == 0 ? here : there).AcquireAsync(default);
                Assert.Equal(1, Interlocked.Increment(ref inside));
                Assert.True(hold.IsHeld);
                tokens.Add(hold.FencingToken.Value);
                Assert.Equal(0, Interlocked.Decrement(ref inside));
            }
        }))).WaitAsync(Until.Deadline);
        Assert.Equal(Enumerable.Range(1, 400).Select(token => (long)token), tokens);
    }

    [Fact]
    public async Task A_try_holds_only_what_nobody_holds()
    {
        using var here = new DistributedLock(_elections.Join("lock", "here"));
        using var there = new DistributedLock(_elections.Join("lock", "there"));
        var hold = await here.TryAcquireAsync(default);
        Assert.Null(await here.TryAcquireAsync(default));
        Assert.Null(await there.TryAcquireAsync(default));
        await hold!.DisposeAsync();
        await hold.DisposeAsync(); // releases once: a second release would let two in
        Assert.False(hold.IsHeld);

        await using var next = await there.TryAcquireAsync(default);
        Assert.NotNull(next);
        Assert.Null(await here.TryAcquireAsync(default));
    }

    [Fact]
    public async Task Waiting_can_be_given_up()
    {
        using var here = new DistributedLock(_elections.Join("lock", "here"));
        using var there = new DistributedLock(_elections.Join("lock", "there"));
        var hold = await here.AcquireAsync(default);
        using var impatient = new CancellationTokenSource();
        var (near, far) = (here.AcquireAsync(impatient.Token), there.AcquireAsync(impatient.Token));
        await impatient.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => near);
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => far);
        await hold.DisposeAsync();
        await using var again = await there.AcquireAsync(default).WaitAsync(Until.Deadline);
    }

    [Fact]
    public async Task A_hold_that_was_lost_says_so_and_is_not_given_to_others_of_the_process_before_it_is_let_go()
    {
        var election = new FakeElection("lock");
        using var here = new DistributedLock(election);
        _ = election.Elect();
        var hold = await here.AcquireAsync(default);
        election.Lose();
        Assert.True(hold.Lost.IsCancellationRequested);
        Assert.Throws<LeadershipLostException>(hold.ThrowIfLost);
        var next = here.AcquireAsync(default);
        Assert.False(election.IsCampaigning);

        await hold.DisposeAsync();
        await Until.HoldsAsync(() => election.IsCampaigning);
        _ = election.Elect();
        Assert.True((await next).FencingToken > hold.FencingToken);
    }

    [Fact]
    public async Task A_host_has_it_by_its_name()
    {
        using var host = ElectionHost.Build(builder => builder.Services.AddDistributedLock("billing/close", e => e.UseInMemory(_elections)));
        await host.StartAsync();
        await using (var hold = await host.Services.GetRequiredKeyedService<DistributedLock>("billing/close").AcquireAsync(default))
            Assert.True(hold.IsHeld);
        await host.StopAsync();
    }
}
