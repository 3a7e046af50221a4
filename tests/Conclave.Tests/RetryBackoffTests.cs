using Conclave.Testing;

namespace Conclave.Tests;

public sealed class RetryBackoffTests
{
    private static readonly TimeSpan Tick = TimeSpan.FromTicks(1);

    private readonly FakeTime _time = new();
    private readonly RetryBackoff _backoff;

    public RetryBackoffTests() => _backoff = new RetryBackoff(TimeSpan.FromMilliseconds(100), TimeSpan.FromSeconds(1), _time);

    [Fact]
    public void Pauses_double_to_the_longest_and_no_candidate_returns_in_the_first_half_of_one()
    {
        foreach (var longest in (int[])[100, 200, 400, 800, 1000, 1000])
            Pauses(TimeSpan.FromMilliseconds(longest));
    }

    [Fact]
    public void After_a_success_they_begin_anew()
    {
        Pauses(TimeSpan.FromMilliseconds(100));
        Pauses(TimeSpan.FromMilliseconds(200));
        _backoff.Reset();
        Pauses(TimeSpan.FromMilliseconds(100));
    }

    [Fact]
    public async Task A_pause_ends_with_what_it_waits_for()
    {
        using var over = new CancellationTokenSource();
        var pause = _backoff.PauseAsync(over.Token);
        await over.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => pause);
    }

    private void Pauses(TimeSpan longest)
    {
        var pause = _backoff.PauseAsync(CancellationToken.None);
        _time.Advance((longest / 2) - Tick);
        Assert.False(pause.IsCompleted);
        _time.Advance((longest / 2) + TimeSpan.FromMilliseconds(1)); // delays are whole milliseconds
        Assert.True(pause.IsCompletedSuccessfully);
    }
}
