using Conclave.Wire.Etcd;
using Conclave.Wire.Tests.Etcd;
using Google.Protobuf;

namespace Conclave.Server.Tests;

/// <summary>
/// The same seeded requests to Debian's etcd and to ours; every answer and every refusal must be the same, but for ids and terms. The words above
/// a failure name the seed.
/// </summary>
public sealed class DifferentialTests(SharedEtcd etcd) : IClassFixture<SharedEtcd>
{
    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(4)]
    [InlineData(5)]
    public async Task Every_answer_is_the_one_that_etcd_gives(int seed)
    {
        await using var cluster = await TestCluster.StartAsync();
        await using var ours = cluster.NewClient();
        await using var theirs = etcd.NewClient();
        var offset = await AlignRevisionsAsync(theirs);
        var requests = new RequestSource(new Random(seed));

        for (var i = 0; i < 400; i++)
        {
            var request = requests.Next();
            var expected = await AnswerAsync(theirs, request, offset);
            var actual = await AnswerAsync(ours, request, 0);
            Assert.True(expected == actual, $"seed {seed}, request {i}: {request.GetType().Name} {request}\netcd: {expected}\nours: {actual}");
            requests.Revision = (await ours.RangeAsync(new RangeRequest { Key = TestCluster.Text("x") })).Header.Revision;
        }
    }

    /// <summary>Tests of this class share one etcd: empties it, and tells by how much its revisions run ahead of a new store's.</summary>
    private static async Task<long> AlignRevisionsAsync(EtcdClient theirs)
    {
        foreach (var lease in (await theirs.LeaseLeasesAsync()).Leases) await theirs.LeaseRevokeAsync(new LeaseRevokeRequest { ID = lease.ID });
        var emptied = await theirs.DeleteRangeAsync(new DeleteRangeRequest { Key = ByteString.CopyFrom(0), RangeEnd = ByteString.CopyFrom(0) });
        if (emptied.Header.Revision > 1) await theirs.CompactAsync(new CompactionRequest { Revision = emptied.Header.Revision });
        return emptied.Header.Revision - 1;
    }

    private static async Task<string> AnswerAsync(EtcdClient client, IMessage request, long offset)
    {
        try
        {
            IMessage response = request switch
            {
                RangeRequest range => await client.RangeAsync(Shifted(range, offset)),
                PutRequest put => await client.PutAsync(put),
                DeleteRangeRequest delete => await client.DeleteRangeAsync(delete),
                TxnRequest txn => await client.TxnAsync(Shifted(txn, offset)),
                CompactionRequest compaction => await client.CompactAsync(new CompactionRequest { Revision = compaction.Revision + offset }),
                LeaseGrantRequest grant => await client.LeaseGrantAsync(grant),
                LeaseRevokeRequest revoke => await client.LeaseRevokeAsync(revoke),
                LeaseTimeToLiveRequest left => await client.LeaseTimeToLiveAsync(left),
                _ => throw new System.Diagnostics.UnreachableException(),
            };
            return Normal(response, offset).ToString()!;
        }
        catch (EtcdException e)
        {
            return $"{e.Status}: {e.Message}";
        }
    }

    private static RangeRequest Shifted(RangeRequest range, long offset)
    {
        var shifted = range.Clone();
        if (shifted.Revision > 0) shifted.Revision += offset;
        if (shifted.MinModRevision > 0) shifted.MinModRevision += offset;
        if (shifted.MaxCreateRevision > 0) shifted.MaxCreateRevision += offset;
        return shifted;
    }

    private static TxnRequest Shifted(TxnRequest txn, long offset)
    {
        var shifted = txn.Clone();
        foreach (var op in shifted.Success.Concat(shifted.Failure))
        {
            if (op.RequestRange is { } range) op.RequestRange = Shifted(range, offset);
            if (op.RequestTxn is { } nested) op.RequestTxn = Shifted(nested, offset);
        }

        foreach (var compare in shifted.Compare)
        {
            if (compare.TargetUnionCase == Compare.TargetUnionOneofCase.ModRevision && compare.ModRevision > 0) compare.ModRevision += offset;
            if (compare.TargetUnionCase == Compare.TargetUnionOneofCase.CreateRevision && compare.CreateRevision > 0) compare.CreateRevision += offset;
        }

        return shifted;
    }

    /// <summary>Without what differs between any two clusters: ids, terms, and by how much one is ahead.</summary>
    private static IMessage Normal(IMessage message, long offset)
    {
        switch (message)
        {
            case ResponseHeader header:
                (header.ClusterId, header.MemberId, header.RaftTerm) = (0, 0, 0);
                header.Revision = Math.Max(0, header.Revision - offset);
                break;
            case KeyValue kv:
                kv.ModRevision = Math.Max(0, kv.ModRevision - offset);
                kv.CreateRevision = Math.Max(0, kv.CreateRevision - offset);
                break;
            case ResponseOp op:
                // The headers inside a transaction tell how far it had come; ours tell where it ended.
                (op.ResponseRange?.Header ?? op.ResponsePut?.Header ?? op.ResponseDeleteRange?.Header ?? op.ResponseTxn?.Header)?.ClearRevision();
                break;
        }

        foreach (var field in message.Descriptor.Fields.InFieldNumberOrder())
        {
            if (field.FieldType != Google.Protobuf.Reflection.FieldType.Message) continue;
            if (field.IsRepeated)
            {
                foreach (IMessage inner in (System.Collections.IList)field.Accessor.GetValue(message)) Normal(inner, offset);
            }
            else if (field.Accessor.GetValue(message) is IMessage inner)
            {
                Normal(inner, offset);
            }
        }

        return message;
    }
}

internal static class HeaderOfTransaction
{
    public static void ClearRevision(this ResponseHeader header) => header.Revision = 0;
}
