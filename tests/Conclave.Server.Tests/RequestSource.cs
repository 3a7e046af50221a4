using Conclave.Wire.Etcd;
using Google.Protobuf;

namespace Conclave.Server.Tests;

/// <summary>Random requests over few keys and leases, good and bad, from one seed.</summary>
internal sealed class RequestSource(Random random)
{
    /// <summary>Where the store is; revisions asked for lie around it.</summary>
    public long Revision { get; set; } = 1;

    public IMessage Next() => random.Next(20) switch
    {
        < 6 => Put(),
        < 10 => Range(),
        < 12 => Delete(),
        < 16 => Txn(depth: 2),
        16 => new CompactionRequest { Revision = Math.Max(0, Revision - random.Next(-2, 8)) },
        17 => new LeaseGrantRequest { ID = LeaseId(), TTL = random.Next(8) == 0 ? 9_000_000_001 : 10_000 },
        18 => new LeaseRevokeRequest { ID = LeaseId() },
        _ => new LeaseTimeToLiveRequest { ID = 1_000 + random.Next(2), Keys = true }, // never granted
    };

    private PutRequest Put() => new()
    {
        Key = Key(),
        Value = random.Next(10) == 0 ? ByteString.Empty : Text($"v{random.Next(5)}"),
        Lease = random.Next(4) == 0 ? LeaseId() : 0,
        PrevKv = random.Next(2) == 0,
        IgnoreValue = random.Next(12) == 0,
        IgnoreLease = random.Next(12) == 0,
    };

    private RangeRequest Range() => new()
    {
        Key = Key(),
        RangeEnd = End(),
        Limit = random.Next(3) == 0 ? random.Next(4) : 0,
        Revision = random.Next(3) == 0 ? Math.Max(0, Revision - random.Next(-2, 10)) : 0,
        SortOrder = (RangeRequest.Types.SortOrder)random.Next(3),
        SortTarget = (RangeRequest.Types.SortTarget)(random.Next(2) == 0 ? 0 : random.Next(4)),
        Serializable = random.Next(4) == 0,
        KeysOnly = random.Next(5) == 0,
        CountOnly = random.Next(6) == 0,
        MinModRevision = random.Next(6) == 0 ? Revision - 3 > 0 ? Revision - 3 : 0 : 0,
        MaxCreateRevision = random.Next(6) == 0 ? Revision : 0,
    };

    private DeleteRangeRequest Delete() => new() { Key = Key(), RangeEnd = End(), PrevKv = random.Next(2) == 0 };

    /// <summary>
    /// etcd overlooks that a deletion of "all from here on" meets a put of the same transaction (it takes the end "\0" for a key below the start). Ours refuses
    /// it, as etcd's documentation says; so inside transactions such a deletion is not drawn.
    /// </summary>
    private DeleteRangeRequest BoundedDelete()
    {
        var delete = Delete();
        if (delete.RangeEnd.Length == 1 && delete.RangeEnd[0] == 0) delete.RangeEnd = Text("k9");
        return delete;
    }

    private TxnRequest Txn(int depth)
    {
        var txn = new TxnRequest();
        for (var i = random.Next(3); i > 0; i--) txn.Compare.Add(Compare());
        for (var i = random.Next(4); i > 0; i--) txn.Success.Add(Op(depth));
        for (var i = random.Next(3); i > 0; i--) txn.Failure.Add(Op(depth));
        return txn;
    }

    private RequestOp Op(int depth) => random.Next(depth > 0 ? 9 : 8) switch
    {
        < 4 => new RequestOp { RequestPut = Put() },
        < 6 => new RequestOp { RequestRange = Range() },
        < 8 => new RequestOp { RequestDeleteRange = BoundedDelete() },
        _ => new RequestOp { RequestTxn = Txn(depth - 1) },
    };

    private Compare Compare()
    {
        var compare = new Compare { Key = Key(), Result = (Compare.Types.CompareResult)random.Next(4) };
        switch (random.Next(5))
        {
            case 0:
                (compare.Target, compare.Version) = (Wire.Etcd.Compare.Types.CompareTarget.Version, random.Next(3));
                break;
            case 1:
                (compare.Target, compare.CreateRevision) = (Wire.Etcd.Compare.Types.CompareTarget.Create, random.Next(2) == 0 ? 0 : Math.Max(0, Revision - random.Next(6)));
                break;
            case 2:
                (compare.Target, compare.ModRevision) = (Wire.Etcd.Compare.Types.CompareTarget.Mod, random.Next(2) == 0 ? 0 : Math.Max(0, Revision - random.Next(6)));
                break;
            case 3:
                (compare.Target, compare.Value) = (Wire.Etcd.Compare.Types.CompareTarget.Value, Text($"v{random.Next(5)}"));
                break;
            default:
                (compare.Target, compare.Lease) = (Wire.Etcd.Compare.Types.CompareTarget.Lease, random.Next(2) == 0 ? 0 : LeaseId());
                break;
        }

        return compare;
    }

    private ByteString Key() => random.Next(40) == 0 ? ByteString.Empty : Text($"k{random.Next(8)}");

    private ByteString End() => random.Next(6) switch
    {
        < 3 => ByteString.Empty,
        3 => ByteString.CopyFrom(0),
        _ => Text($"k{random.Next(9)}"),
    };

    private long LeaseId() => 1 + random.Next(4);

    private static ByteString Text(string text) => ByteString.CopyFromUtf8(text);
}
