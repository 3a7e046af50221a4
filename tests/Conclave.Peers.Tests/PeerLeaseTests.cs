using Conclave.Contract;
using Conclave.Store;
using Conclave.Testing;

namespace Conclave.Peers.Tests;

/// <summary>The holder's side of a lease, on a clock that the test moves.</summary>
public sealed class PeerLeaseTests
{
    private static readonly LeaseOptions Options = new() { Ttl = TimeSpan.FromSeconds(10), RenewalsPerTtl = 5, StopMargin = TimeSpan.FromSeconds(1), ClockRateMargin = 0 };

    private readonly FakeTime _time = new();

    [Fact]
    public async Task A_grant_counts_from_before_its_request_was_sent()
    {
        var sent = _time.Now;
        using var lease = await PeerLease.GrantAsync(new Keeper(_time) { Flight = TimeSpan.FromSeconds(3) }, new LeaseId(1), Options, _time, default);
        Assert.Equal(sent + TimeSpan.FromSeconds(9), lease.Timer.Clock.EndsAt);
    }

    [Fact]
    public async Task A_grant_that_took_longer_than_it_lasts_is_no_lease() =>
        await Assert.ThrowsAsync<NoAnswerException>(() => PeerLease.GrantAsync(new Keeper(_time) { Flight = TimeSpan.FromSeconds(9) }, new LeaseId(1), Options, _time, default));

    [Fact]
    public async Task A_renewal_counts_from_before_its_request_was_sent()
    {
        var keeper = new Keeper(_time);
        using var lease = await PeerLease.GrantAsync(keeper, new LeaseId(1), Options, _time, default);
        using var stop = new CancellationTokenSource();
        var running = lease.RunAsync(TimeSpan.FromSeconds(1), stop.Token);
        keeper.Flight = TimeSpan.FromSeconds(4);
        var sent = await NextRenewalAsync(keeper);
        await Awaited.UntilAsync("the renewal is counted", () => Task.FromResult(lease.Timer.Clock.EndsAt != keeper.Granted + TimeSpan.FromSeconds(9)));
        Assert.Equal(sent + TimeSpan.FromSeconds(9), lease.Timer.Clock.EndsAt);
        await stop.CancelAsync();
        await running;
    }

    [Fact]
    public async Task Without_an_answer_the_lease_ends_by_our_own_clock_and_a_late_answer_does_not_bring_it_back()
    {
        var keeper = new Keeper(_time) { IsSilent = true };
        using var lease = await PeerLease.GrantAsync(keeper, new LeaseId(1), Options, _time, default);
        var running = lease.RunAsync(TimeSpan.FromSeconds(1), default);
        for (var second = 0; second < 8; second++)
        {
            _time.Advance(TimeSpan.FromSeconds(1));
            Assert.True(lease.Timer.IsHeld);
        }

        _time.Advance(TimeSpan.FromSeconds(1));
        Assert.False(lease.Timer.IsHeld);
        keeper.IsSilent = false;
        await running.WaitAsync(Awaited.Deadline);
        Assert.False(lease.Timer.IsHeld);
        Assert.Contains(keeper.Commands, command => command is Command.RevokeLease);
    }

    [Fact]
    public async Task A_group_that_does_not_know_the_lease_ends_it_at_once()
    {
        var keeper = new Keeper(_time) { Forgot = true };
        using var lease = await PeerLease.GrantAsync(keeper, new LeaseId(1), Options, _time, default);
        var running = lease.RunAsync(TimeSpan.FromSeconds(1), default);
        await NextRenewalAsync(keeper);
        await running.WaitAsync(Awaited.Deadline);
        Assert.True(lease.Timer.Clock.IsRefused);
    }

    /// <summary>Lets time pass until the renewal that is due is sent, and returns when that was.</summary>
    private async Task<Instant> NextRenewalAsync(Keeper keeper)
    {
        await Awaited.UntilAsync("a renewal is due", () => Task.FromResult(_time.PendingTimers >= 2));
        _time.Advance(TimeSpan.FromSeconds(2));
        await Awaited.UntilAsync("a renewal is sent", () => Task.FromResult(keeper.RenewalSent is not null));
        return keeper.RenewalSent!.Value;
    }

    /// <summary>A group whose answers take their time.</summary>
    private sealed class Keeper(FakeTime time) : ILeaseKeeper
    {
        public TimeSpan Flight { get; set; }

        public bool IsSilent { get; set; }

        public bool Forgot { get; init; }

        public Instant Granted { get; } = time.Now;

        public Instant? RenewalSent { get; private set; }

        public List<Command> Commands { get; } = [];

        public Task<CommandResult> RunAsync(Command command, CancellationToken cancellation)
        {
            Commands.Add(command);
            time.Advance(Flight);
            return Task.FromResult<CommandResult>(command is Command.GrantLease grant
                ? new CommandResult.LeaseGranted(grant.Id, grant.Ttl) { Revision = default }
                : new CommandResult.LeaseRevoked(0) { Revision = default });
        }

        public Task<RenewalOutcome> RenewAsync(LeaseId lease, CancellationToken cancellation)
        {
            if (RenewalSent is not null && !IsSilent)
                return new TaskCompletionSource<RenewalOutcome>().Task.WaitAsync(cancellation); // one is enough
            RenewalSent ??= time.Now;
            if (IsSilent)
                return Task.FromResult<RenewalOutcome>(new RenewalOutcome.Unknown());
            time.Advance(Flight);
            return Task.FromResult<RenewalOutcome>(Forgot ? new RenewalOutcome.Gone() : new RenewalOutcome.Renewed(10_000));
        }
    }
}
