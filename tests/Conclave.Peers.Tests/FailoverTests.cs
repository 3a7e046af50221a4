using System.Diagnostics;
using Conclave.Contract;
using Xunit.Abstractions;
using static Conclave.Contract.Awaited;

namespace Conclave.Peers.Tests;

/// <summary>
/// From the kill of the leading process to the next leader: after its lease, or with fast pre-vote long before. <c>CONCLAVE_ROUNDS=20</c> measures so many in a row, prints each and holds them to the figures of
/// docs/backends/peers.md; without it no figure is asked for that a busy machine might miss.
/// </summary>
public sealed class FailoverTests(ITestOutputHelper output)
{
    private const string Election = "billing/dialer";
    // On a busy machine one member may see the refused connection so late that its vote comes too late for a fast pre-vote; not every time.
    private const int Tries = 3;

    private static readonly int? Measured = int.TryParse(Environment.GetEnvironmentVariable("CONCLAVE_ROUNDS"), out var rounds) ? rounds : null;

    /// <summary>Alone, the killed process led the election only; otherwise it was the coordinator too.</summary>
    [Theory]
    [InlineData(false, false)]
    [InlineData(false, true)]
    [InlineData(true, false)]
    [InlineData(true, true)]
    public async Task A_killed_leader_is_followed_in_time(bool fast, bool coordinates)
    {
        var timeout = TimeSpan.FromSeconds(Measured is not null ? 1 : fast ? 3 : 2);
        var took = new List<TimeSpan>();
        do
            took.Add(await KillAsync(fast, coordinates, timeout));
        while (took.Count < Measured || (Measured is null && fast && took[^1] >= 1.5 * timeout && took.Count < Tries));
        took.Sort();
        output.WriteLine($"fast pre-vote {fast}, coordinator too {coordinates}: {string.Join(", ", took.Select(t => $"{t.TotalMilliseconds:0}"))} ms");

        // The lease is of two timeouts and renewed at every fifth of one.
        if (fast)
            Assert.True(took[0] < 1.5 * timeout, $"the next leader came after {took[0]}, when the lease of the killed one had ended");
        else
            Assert.True(took[0] > timeout, $"the next leader came after {took[0]}, before the lease of the killed one could end");
        if (Measured is not null)
            Assert.True(took[took.Count / 2] < (fast ? TimeSpan.FromMilliseconds(150) : 2.5 * timeout) + TimeSpan.FromSeconds(1), $"it took {took[took.Count / 2]}");
    }

    private static async Task<TimeSpan> KillAsync(bool fast, bool coordinates, TimeSpan timeout)
    {
        await using var peers = new TestPeers(3, fast, timeout);
        PeerGroup group;
        RunningProcess leader;
        if (coordinates)
        {
            leader = peers.Candidate(1, Election);
            await leader.LineAsync("started");
            group = await peers.JoinAsFollowerAsync(0);
        }
        else
        {
            var bystander = peers.Member(2);
            await bystander.LineAsync("started");
            group = await peers.JoinAsFollowerAsync(0);
            leader = peers.Candidate(1, Election);
        }

        await leader.LineAsync("Admitted");
        if (coordinates)
            await peers.Member(2).LineAsync("started");
        await using var candidate = group.Election(Election);
        var waiting = candidate.CampaignAsync(default);
        await UntilAsync("both stand", () => group.ReadAsync(applier => applier.Store.KeyCount >= 2, default));
        var killed = Stopwatch.GetTimestamp();
        leader.Signal(Signal.Kill);
        await using var next = await waiting.WaitAsync(Deadline);
        return Stopwatch.GetElapsedTime(killed);
    }
}
