using System.Globalization;
using Conclave.Wire.Etcd;
using Google.Protobuf;

namespace Conclave.Etcd;

/// <summary>
/// etcd's own election recipe as requests, so that Go's <c>concurrency</c> package and <c>etcdctl elect</c> stand in the same election:
/// a candidate's key is the election's name, a slash and its lease id in lower-case hex; the smallest create revision leads.
/// Every transaction here may be sent again after a lost answer: a second application changes nothing and answers what the first would have.
/// </summary>
internal sealed class ElectionKeys
{
    public ElectionKeys(string name)
    {
        Prefix = ByteString.CopyFromUtf8(name + "/");

        // The end of the range of a prefix is the prefix with its last byte raised: '/' becomes '0'.
        PrefixEnd = ByteString.CopyFromUtf8(name + "0");
    }

    public ByteString Prefix { get; }

    public ByteString PrefixEnd { get; }

    public ByteString KeyOf(long lease) => ByteString.CopyFromUtf8(Prefix.ToStringUtf8() + lease.ToString("x", CultureInfo.InvariantCulture));

    /// <summary>Stands for election: creates the key, or reads the one that is there. The only write that makes a candidate.</summary>
    public TxnRequest Enter(long lease, string value) => new()
    {
        Compare = { CreatedAt(KeyOf(lease), 0) },
        Success = { Put(lease, value) },
        Failure = { ReadKey(KeyOf(lease)) },
    };

    /// <summary>Stands for election only if nobody else does: all keys under the prefix have create revision 0, which is to say there are none.</summary>
    public TxnRequest EnterIfVacant(long lease, string value)
    {
        var nobody = CreatedAt(Prefix, 0);
        nobody.RangeEnd = PrefixEnd;
        return new TxnRequest
        {
            Compare = { nobody },
            Success = { Put(lease, value) },
            Failure = { new RequestOp { RequestRange = First() }, ReadKey(KeyOf(lease)) },
        };
    }

    /// <summary>Who stands just before us, asked together with whether we still stand: an empty answer to a transaction that succeeded is the victory.</summary>
    public TxnRequest Predecessor(ByteString key, long createRevision) => new()
    {
        Compare = { CreatedAt(key, createRevision) },
        Success =
        {
            new RequestOp
            {
                RequestRange = new RangeRequest
                {
                    Key = Prefix,
                    RangeEnd = PrefixEnd,
                    MaxCreateRevision = createRevision - 1,
                    SortTarget = RangeRequest.Types.SortTarget.Create,
                    SortOrder = RangeRequest.Types.SortOrder.Descend,
                    Limit = 1,
                    KeysOnly = true,
                },
            },
        },
    };

    /// <summary>Takes back the candidacy of exactly this creation; a later one under the same key is left alone.</summary>
    public static TxnRequest Withdraw(ByteString key, long createRevision) => new()
    {
        Compare = { CreatedAt(key, createRevision) },
        Success = { Delete(key) },
    };

    /// <summary>Takes back whatever stands under the key with this lease: for a creation whose answer never came.</summary>
    public static TxnRequest WithdrawAny(ByteString key, long lease) => new()
    {
        Compare = { new Compare { Key = key, Target = Compare.Types.CompareTarget.Lease, Result = Compare.Types.CompareResult.Equal, Lease = lease } },
        Success = { Delete(key) },
    };

    public RangeRequest First() => new()
    {
        Key = Prefix,
        RangeEnd = PrefixEnd,
        SortTarget = RangeRequest.Types.SortTarget.Create,
        SortOrder = RangeRequest.Types.SortOrder.Ascend,
        Limit = 1,
    };

    public RangeRequest All() => new() { Key = Prefix, RangeEnd = PrefixEnd };

    public static Leader ToLeader(KeyValue key) => new(key.Value.ToStringUtf8(), new FencingToken(key.CreateRevision));

    private static Compare CreatedAt(ByteString key, long revision) =>
        new() { Key = key, Target = Compare.Types.CompareTarget.Create, Result = Compare.Types.CompareResult.Equal, CreateRevision = revision };

    private RequestOp Put(long lease, string value) =>
        new() { RequestPut = new PutRequest { Key = KeyOf(lease), Value = ByteString.CopyFromUtf8(value), Lease = lease } };

    private static RequestOp ReadKey(ByteString key) => new() { RequestRange = new RangeRequest { Key = key } };

    private static RequestOp Delete(ByteString key) => new() { RequestDeleteRange = new DeleteRangeRequest { Key = key } };
}
