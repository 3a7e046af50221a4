using System.Text.Json;
using Conclave.Orchestration.Cluster;
using Conclave.Wire.Etcd;
using Google.Protobuf;

namespace Conclave.Cli.Cluster;

/// <summary>
/// Ends any election in the same place (DESIGN 5.9): its winner takes the seat by writing the <c>leader</c> key, and the key's mod revision is the token from then on. The election's own token
/// decides who may: a seat that was taken with a higher one is not taken from its holder, so even an election that allows two leaders gives one seat.
/// </summary>
internal sealed class SeatedElection(ILeaderElection election, string node, ClusterStore store, TimeProvider time) : ILeaderElection
{
    public string Name => election.Name;

    public Guarantee Guarantee => election.Guarantee;

    public async Task<Leadership> CampaignAsync(CancellationToken cancellation)
    {
        while (true)
        {
            var won = await election.CampaignAsync(cancellation);
            if (await TrySitAsync(won, cancellation) is { } seated)
                return seated;
            await won.DisposeAsync();
        }
    }

    public async Task<Leadership?> TryCampaignAsync(CancellationToken cancellation)
    {
        if (await election.TryCampaignAsync(cancellation) is not { } won)
            return null;
        if (await TrySitAsync(won, cancellation) is { } seated)
            return seated;
        await won.DisposeAsync();
        return null;
    }

    public IAsyncEnumerable<Leader?> ObserveAsync(CancellationToken cancellation) => election.ObserveAsync(cancellation);

    public Task<Leader?> GetLeaderAsync(CancellationToken cancellation) => election.GetLeaderAsync(cancellation);

    public ValueTask DisposeAsync() => election.DisposeAsync();

    private async Task<Leadership?> TrySitAsync(Leadership won, CancellationToken cancellation)
    {
        var seat = await store.Client.RangeAsync(new RangeRequest { Key = ByteString.CopyFromUtf8(store.Keys.Leader) }, cancellation);
        var held = seat.Kvs.Count == 0 ? null : JsonSerializer.Deserialize(seat.Kvs[0].Value.Span, ClusterJson.Default.LeaderRecord);
        if (held?.Term > won.FencingToken.Value)
            return null;
        var record = new LeaderRecord(node, won.FencingToken.Value, time.GetUtcNow());
        if (await store.TryPutAsync(store.Keys.Leader, record, ClusterJson.Default.LeaderRecord, seat.Kvs.Count == 0 ? 0 : seat.Kvs[0].ModRevision, cancellation) is not { } token)
            return null;

        var source = new LeadershipSource(Name, new Leader(node, new FencingToken(token)), lease: null, () => won.ResignAsync(CancellationToken.None));
        won.Lost.UnsafeRegister(static s => ((LeadershipSource)s!).Lose(Conclave.LossReason.LeaseEnded), source);
        return source.Leadership;
    }
}
