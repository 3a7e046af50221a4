namespace Conclave.Tests;

public sealed class FencingGateTests
{
    private static readonly TimeSpan Deadline = TimeSpan.FromSeconds(20);

    [Fact]
    public async Task The_same_and_newer_tokens_pass_and_older_ones_are_refused_for_good()
    {
        using var gate = new FencingGate(new MemoryFencingStore());
        Assert.IsType<FencingVerdict.Admitted>(await Check(gate, 3));
        Assert.IsType<FencingVerdict.Admitted>(await Check(gate, 3));
        Assert.IsType<FencingVerdict.Admitted>(await Check(gate, 8));
        Assert.Equal(new FencingVerdict.Refused(new FencingToken(8)), await Check(gate, 3));
        Assert.Equal(new FencingVerdict.Refused(new FencingToken(8)), await Check(gate, 7));
    }

    [Fact]
    public async Task A_store_that_does_not_answer_is_unknown_and_the_act_does_not_run()
    {
        using var gate = new FencingGate(new SilentStore());
        var ran = false;
        var verdict = await gate.RunAsync(new FencingToken(1), _ => Task.FromResult(ran = true), CancellationToken.None);
        Assert.IsType<TimeoutException>(Assert.IsType<FencingVerdict.Unknown>(verdict).Cause);
        Assert.False(ran);
    }

    [Fact]
    public async Task An_act_of_a_refused_leader_does_not_run()
    {
        using var gate = new FencingGate(new MemoryFencingStore());
        await Check(gate, 2);
        var ran = false;
        var verdict = await gate.RunAsync(new FencingToken(1), _ => Task.FromResult(ran = true), CancellationToken.None);
        Assert.IsType<FencingVerdict.Refused>(verdict);
        Assert.False(ran);
    }

    [Fact]
    public async Task An_admitted_act_has_ended_before_a_newer_leader_is_admitted()
    {
        using var gate = new FencingGate(new MemoryFencingStore());
        var acting = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var finish = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var old = gate.RunAsync(new FencingToken(1), async _ =>
        {
            acting.SetResult();
            await finish.Task;
        }, CancellationToken.None).AsTask();
        await acting.Task.WaitAsync(Deadline);

        var next = Check(gate, 2).AsTask();
        Assert.False(next.IsCompleted);

        finish.SetResult();
        Assert.IsType<FencingVerdict.Admitted>(await old.WaitAsync(Deadline));
        Assert.IsType<FencingVerdict.Admitted>(await next.WaitAsync(Deadline));
    }

    [Fact]
    public async Task A_gate_is_free_again_after_an_act_that_threw()
    {
        using var gate = new FencingGate(new MemoryFencingStore());
        await Assert.ThrowsAsync<InvalidOperationException>(async () =>
            await gate.RunAsync(new FencingToken(1), _ => throw new InvalidOperationException("the act's own"), CancellationToken.None));
        Assert.IsType<FencingVerdict.Admitted>(await Check(gate, 1).AsTask().WaitAsync(Deadline));
    }

    [Fact]
    public async Task Two_gates_on_one_store_refuse_for_each_other()
    {
        var store = new MemoryFencingStore();
        using var here = new FencingGate(store);
        using var there = new FencingGate(store);
        await Check(here, 5);
        Assert.IsType<FencingVerdict.Refused>(await Check(there, 4));
    }

    [Fact]
    public async Task Whatever_the_interleaving_admissions_never_go_back()
    {
        var store = new MemoryFencingStore();
        using var gate = new FencingGate(store);
        var order = new List<long>();
        await Task.WhenAll(Enumerable.Range(1, 200).Select(token => Task.Run(async () =>
            await gate.RunAsync(new FencingToken((token * 37 % 200) + 1), _ =>
            {
                order.Add((token * 37 % 200) + 1); // alone inside the gate
                return Task.CompletedTask;
            }, CancellationToken.None))));
        Assert.Equal(order.Order(), order);
        Assert.Equal(200, order[^1]);
    }

    [Fact]
    public async Task A_token_that_was_never_issued_is_a_mistake_of_the_caller()
    {
        using var gate = new FencingGate(new MemoryFencingStore());
        await Assert.ThrowsAsync<ArgumentOutOfRangeException>(async () => await Check(gate, 0));
    }

    private static ValueTask<FencingVerdict> Check(FencingGate gate, long token) => gate.CheckAsync(new FencingToken(token), CancellationToken.None);

    private sealed class SilentStore : IFencingStore
    {
        public ValueTask<FencingToken> ReadAsync(CancellationToken cancellation) => throw new TimeoutException("the store is silent");

        public ValueTask<bool> TryAdvanceAsync(FencingToken expected, FencingToken next, CancellationToken cancellation) =>
            throw new TimeoutException("the store is silent");
    }
}
