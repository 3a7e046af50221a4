namespace Conclave.Tests;

public sealed class LeadershipTests
{
    private static readonly LeaseOptions Options = new() { Ttl = TimeSpan.FromSeconds(10), ClockRateMargin = 0, StopMargin = TimeSpan.FromSeconds(1) };
    private static readonly TimeSpan Deadline = TimeSpan.FromSeconds(20);

    private readonly FakeTime _time = new();
    private int _resigned;

    [Fact]
    public async Task Disposing_resigns_once()
    {
        var leadership = Win(lease: null).Leadership;
        await leadership.DisposeAsync();
        await leadership.DisposeAsync();
        Assert.Equal(ResignResult.Released, await leadership.ResignAsync(CancellationToken.None));
        Assert.Equal(1, _resigned);
    }

    [Fact]
    public async Task Lost_has_fired_when_the_backend_is_told_of_a_resignation()
    {
        Leadership? leadership = null;
        var lostFirst = false;
        leadership = new LeadershipSource("jobs", new Leader("a", new FencingToken(7)), null, () =>
        {
            lostFirst = leadership!.Lost.IsCancellationRequested;
            return Task.FromResult(ResignResult.Released);
        }).Leadership;

        await leadership.ResignAsync(CancellationToken.None);

        Assert.True(lostFirst);
        Assert.Equal(LossReason.Resigned, leadership.LossReason);
    }

    [Fact]
    public void Leadership_ends_with_its_lease()
    {
        using var lease = StartLease();
        var leadership = Win(lease).Leadership;
        _time.Advance(TimeSpan.FromSeconds(8.9));
        Assert.True(leadership.IsHeld);
        _time.Advance(TimeSpan.FromSeconds(0.1));
        Assert.True(leadership.Lost.IsCancellationRequested);
        Assert.Equal(LossReason.LeaseEnded, leadership.LossReason);
    }

    [Fact]
    public void A_refused_lease_says_so()
    {
        using var lease = StartLease();
        var leadership = Win(lease).Leadership;
        lease.Apply(new Renewal.Refused());
        Assert.Equal(LossReason.LeaseRefused, leadership.LossReason);
    }

    [Fact]
    public void An_act_after_the_machine_slept_is_refused_although_no_timer_ran()
    {
        using var lease = StartLease();
        var leadership = Win(lease).Leadership;
        leadership.ThrowIfLost();
        _time.Sleep(TimeSpan.FromHours(1));
        var refused = Assert.Throws<LeadershipLostException>(leadership.ThrowIfLost);
        Assert.Equal(new FencingToken(7), refused.FencingToken);
        Assert.True(leadership.Lost.IsCancellationRequested);
    }

    [Fact]
    public async Task A_callback_that_blocks_does_not_delay_the_loss_of_other_leaderships_on_the_same_lease()
    {
        using var lease = StartLease();
        using var release = new ManualResetEventSlim();
        using var entered = new ManualResetEventSlim();
        var first = Win(lease).Leadership;
        var second = Win(lease).Leadership;
        foreach (var leadership in new[] { first, second })
        {
            leadership.Lost.Register(() =>
            {
                entered.Set();
                release.Wait(Deadline);
            });
        }

        var advance = Task.Run(() => _time.Advance(TimeSpan.FromSeconds(10)));
        try
        {
            await advance.WaitAsync(Deadline);
            Assert.True(first.Lost.IsCancellationRequested);
            Assert.True(second.Lost.IsCancellationRequested);
            Assert.True(entered.Wait(Deadline), "no callback ran");
        }
        finally
        {
            release.Set();
        }
    }

    [Fact]
    public void The_first_reason_stays()
    {
        var source = Win(lease: null);
        Assert.True(source.Lose(LossReason.Removed));
        Assert.False(source.Lose(LossReason.SteppedDown));
        Assert.Equal(LossReason.Removed, source.Leadership.LossReason);
        Assert.False(source.Leadership.IsHeld);
    }

    [Fact]
    public async Task A_resignation_goes_on_when_its_caller_stops_waiting()
    {
        var answer = new TaskCompletionSource<ResignResult>(TaskCreationOptions.RunContinuationsAsynchronously);
        var leadership = new LeadershipSource("jobs", new Leader("a", new FencingToken(7)), null, () => answer.Task).Leadership;
        using var impatient = new CancellationTokenSource();

        var waiting = leadership.ResignAsync(impatient.Token);
        await impatient.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => waiting);

        answer.SetResult(ResignResult.Unknown);
        Assert.Equal(ResignResult.Unknown, await leadership.ResignAsync(CancellationToken.None));
    }

    private LeaseTimer StartLease() => new(LeaseClock.Start(_time.Now, Options.Ttl, Options), _time);

    private LeadershipSource Win(LeaseTimer? lease) => new("jobs", new Leader("a", new FencingToken(7)), lease, () =>
    {
        Interlocked.Increment(ref _resigned);
        return Task.FromResult(ResignResult.Released);
    });
}
