using Conclave.Runtime;

namespace Conclave.Server.Services;

/// <summary>
/// Tells streams that want a leader when there has been none for so long (three election timeouts, as in etcd) that another member may be better off.
/// An ordinary election disturbs nobody.
/// </summary>
#pragma warning disable CA1001 // the source has no timer and no wait handle: nothing to give back
internal sealed class LeaderMonitor(LocalMember member, TimeSpan patience, TimeProvider time)
#pragma warning restore CA1001
{
    private readonly Lock _gate = new();
    private CancellationTokenSource _lost = new();
    private bool _leaderKnown = true;

    /// <summary>Cancelled when the leader has been missed for too long; already cancelled while that is so.</summary>
    public CancellationToken Lost
    {
        get
        {
            lock (_gate) return _lost.Token;
        }
    }

    public async Task RunAsync(CancellationToken stopping)
    {
        await using var overdue = time.CreateTimer(_ => GiveUp(), null, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
        await foreach (var standing in member.ObserveStandingAsync(stopping))
        {
            lock (_gate)
            {
                var known = standing.Leader is not null;
                if (known == _leaderKnown) continue;
                _leaderKnown = known;
                if (known && _lost.IsCancellationRequested) _lost = new CancellationTokenSource();
                overdue.Change(known ? Timeout.InfiniteTimeSpan : patience, Timeout.InfiniteTimeSpan);
            }
        }
    }

    private void GiveUp()
    {
        CancellationTokenSource lost;
        lock (_gate)
        {
            if (_leaderKnown) return; // found just before the time was up
            lost = _lost;
        }

        lost.Cancel();
    }
}
