using System.Runtime.CompilerServices;
using System.Text;
using System.Text.Json;
using Conclave.Consensus;
using Conclave.Consensus.Raft;
using Conclave.Orchestration.Cluster;
using Conclave.Runtime;
using Conclave.Store;

namespace Conclave.Cli.Cluster;

/// <summary>
/// <c>election: raft</c>: the leader of the workers is the Raft leader of the nodes' own coordination group, from the moment its <c>leader</c> entry of that term is applied (DESIGN 5.9). No
/// lease, so a new leader acts within an election.
/// </summary>
/// <remarks>
/// The seat's entry is proposed bound to the term, so it can only come into the log while this member leads in it; its mod revision is the token. A leader that was cut off learns late that it
/// was replaced, which is why every write of a leader carries the token: the store, not <see cref="Leadership.Lost"/>, is what keeps two leaders from acting.
/// </remarks>
internal sealed class RaftElection(string node, LocalMember member, ClusterWatcher watcher, ClusterKeys keys, TimeProvider time) : ILeaderElection
{
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(50);

    public string Name => keys.Leader;

    public Guarantee Guarantee => Guarantee.Exclusive;

    public async Task<Leadership> CampaignAsync(CancellationToken cancellation)
    {
        while (true)
        {
            await foreach (var standing in member.ObserveStandingAsync(cancellation))
            {
                if (standing is { Role: Role.Leader, Established: true } && await TrySitAsync(standing.Term, cancellation) is { } leadership)
                    return leadership;
            }

            // The observation ends with the member, and with it this process.
            await Task.Delay(Pause, time, cancellation);
        }
    }

    public async Task<Leadership?> TryCampaignAsync(CancellationToken cancellation) =>
        member.Standing is { Role: Role.Leader, Established: true, Term: var term } ? await TrySitAsync(term, cancellation) : null;

    public async IAsyncEnumerable<Leader?> ObserveAsync([EnumeratorCancellation] CancellationToken cancellation)
    {
        var view = watcher.View;
        while (true)
        {
            yield return LeaderOf(view);
            var seen = view.LeaderToken;
            while (view.LeaderToken == seen)
                view = await watcher.NextAsync(view, cancellation);
        }
    }

    public Task<Leader?> GetLeaderAsync(CancellationToken cancellation) => Task.FromResult(LeaderOf(watcher.View));

    public ValueTask DisposeAsync() => ValueTask.CompletedTask;

    private static Leader? LeaderOf(ClusterView view) => view.Leader is { } leader ? new Leader(leader.Node, new FencingToken(view.LeaderToken)) : null;

    private async Task<Leadership?> TrySitAsync(Term term, CancellationToken cancellation)
    {
        var record = new LeaderRecord(node, (long)term.Value, time.GetUtcNow());
        var sit = new Command.Put(
            Encoding.UTF8.GetBytes(keys.Leader), JsonSerializer.SerializeToUtf8Bytes(record, ClusterJson.Default.LeaderRecord), default);
        if (await member.ProposeInTermAsync(sit, term, cancellation) is not ProposalOutcome.Applied { Result: CommandResult.Put put })
            return null; // deposed meanwhile, or unknown: if the entry is there, nobody acts on it, and the next standing tells

        var leader = new Leader(node, new FencingToken(put.Revision.Value));
        var source = new LeadershipSource(Name, leader, lease: null, () => Task.FromResult(ResignResult.Unknown));
        _ = LoseWithTermAsync(source, term);
        return source.Leadership;
    }

    private async Task LoseWithTermAsync(LeadershipSource source, Term term)
    {
        try
        {
            await foreach (var standing in member.ObserveStandingAsync(source.Leadership.Lost))
            {
                if (standing.Role != Role.Leader || standing.Term != term)
                    break;
            }
        }
        catch (OperationCanceledException)
        {
            return; // resigned
        }

        source.Lose(LossReason.SteppedDown);
    }
}
