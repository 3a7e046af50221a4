using Conclave.Runtime;
using Conclave.Store;
using Microsoft.Extensions.Logging;

namespace Conclave.Peers;

/// <summary>Keeps the history of changes bounded: the coordinator gives up what is older than the newest so many.</summary>
internal sealed class HistoryKeeper(string group, int historyMax, TimeProvider time, ILogger log)
{
    private static readonly TimeSpan Interval = TimeSpan.FromSeconds(5);

    public async Task RunAsync(LocalMember member, CancellationToken stopping)
    {
        using var timer = new PeriodicTimer(Interval, time);
        while (await timer.WaitForNextTickAsync(stopping).ConfigureAwait(false))
        {
            if (member.Standing is not { Established: true } standing || member.Completion.IsCompleted)
                continue;
            var (current, compacted) = await member.ReadAsync(linearizable: false, applier => (applier.Store.Current, applier.Store.Compacted), stopping).ConfigureAwait(false);
            if (current.Value - compacted.Value < 2L * historyMax)
                continue;
            var from = new Revision(current.Value - historyMax);
            if (await member.ProposeInTermAsync(new Command.Compact(from), standing.Term, stopping).ConfigureAwait(false) is ProposalOutcome.Applied)
                Log.Compacted(log, group, from.Value);
        }
    }
}
