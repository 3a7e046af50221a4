using System.Buffers.Binary;
using System.Text;
using Conclave.Store;
using Conclave.Store.Mvcc;

namespace Conclave.Peers;

/// <summary>Names one candidacy for good: the lease it stands under, and its number under that lease.</summary>
internal readonly record struct CandidacyId(LeaseId Lease, long Number);

/// <summary>
/// The recipe of an election as commands of the replicated store. A candidacy is a key under its election, attached to its instance's lease; the smallest create revision leads, and is the fencing token.
/// <code>
///   e/billing/dialer\0 lease number → value     a candidacy
///   w/ lease number                 → (empty)   a candidacy withdrawn before it was known to have begun
/// </code>
/// Every command here may be repeated after a lost answer: a second application changes nothing and answers what the first would have.
/// </summary>
internal static class ElectionKeys
{
    /// <summary>All candidacies of all elections.</summary>
    public static readonly KeyRange All = KeyRange.Prefix("e/"u8.ToArray());

    private const byte EndOfName = 0;
    private const int CandidacyBytes = 16;

    public static KeyRange Of(string election) => KeyRange.Prefix(PrefixOf(election));

    public static byte[] KeyOf(string election, CandidacyId candidacy) => [.. PrefixOf(election), .. BytesOf(candidacy)];

    /// <summary>The election that a candidacy's key belongs to.</summary>
    public static string ElectionOf(ReadOnlySpan<byte> key) => Encoding.UTF8.GetString(key["e/".Length..^(CandidacyBytes + 1)]);

    /// <summary>Stands for election behind whoever stands already, unless withdrawn meanwhile. Answer: <see cref="EnteredAt"/>.</summary>
    public static Command.Txn Enter(string election, CandidacyId candidacy, string value) => new(
        [Absent(KeyOf(election, candidacy)), Absent(TombstoneOf(candidacy))],
        [Put(election, candidacy, value)],
        [new Command.Range(new RangeQuery(KeyRange.One(KeyOf(election, candidacy))))]);

    /// <summary>The same, only if nobody else stands. Answer: <see cref="EnteredAt"/>, then whether it stands first.</summary>
    public static Command.Txn EnterIfVacant(string election, CandidacyId candidacy, string value) => new(
        [new Compare(Of(election), CompareTarget.Create, CompareRelation.Equal, 0, default), Absent(TombstoneOf(candidacy))],
        [Put(election, candidacy, value)],
        [new Command.Range(new RangeQuery(KeyRange.One(KeyOf(election, candidacy)))), new Command.Range(FirstOf(election))]);

    /// <summary>At which revision the candidacy began; null when it did not.</summary>
    public static Revision? EnteredAt(CommandResult.Txn answer) =>
        answer.Succeeded ? answer.Revision : ((CommandResult.Range)answer.Results[0]).Found.Kvs is [var own, ..] ? own.CreateRevision : null;

    /// <summary>Whether <see cref="EnterIfVacant"/> made a leader, now or in an earlier copy of itself.</summary>
    public static bool IsFirst(CommandResult.Txn answer) =>
        answer.Succeeded
        || (EnteredAt(answer) is { } entered && ((CommandResult.Range)answer.Results[1]).Found.Kvs is [var first, ..] && first.CreateRevision == entered);

    /// <summary>Takes back a candidacy that has begun.</summary>
    public static Command.DeleteRange Withdraw(string election, CandidacyId candidacy) => new(KeyRange.One(KeyOf(election, candidacy)));

    /// <summary>
    /// Takes back a candidacy of which it is not known whether it has begun or will: (1) a creation is sent and no answer comes, (2) the campaign is cancelled, the key deleted, (3) the creation, delayed on its
    /// way, is applied now, and a ghost stands that our own renewals keep alive. The tombstone rules that out; it goes with the lease, without which no creation is taken either.
    /// </summary>
    public static Command.Txn WithdrawInDoubt(string election, CandidacyId candidacy) => new(
        [],
        [Withdraw(election, candidacy), new Command.Put(TombstoneOf(candidacy), default, candidacy.Lease)],
        []);

    public static Leader? LeaderOf(string election, MvccStore store)
    {
        store.Range(FirstOf(election), out var found);
        return found.Kvs is [var first, ..] ? ToLeader(first) : null;
    }

    private static RangeQuery FirstOf(string election) => new(Of(election)) { Sort = RangeSort.Create, Order = RangeOrder.Ascending, Limit = 1 };

    public static Leader ToLeader(KeyValue candidacy) => new(Encoding.UTF8.GetString(candidacy.Value.Span), new FencingToken(candidacy.CreateRevision.Value));

    private static byte[] PrefixOf(string election) => [.. "e/"u8, .. Encoding.UTF8.GetBytes(election), EndOfName];

    private static byte[] TombstoneOf(CandidacyId candidacy) => [.. "w/"u8, .. BytesOf(candidacy)];

    private static byte[] BytesOf(CandidacyId candidacy)
    {
        var bytes = new byte[CandidacyBytes];
        BinaryPrimitives.WriteInt64BigEndian(bytes, candidacy.Lease.Value);
        BinaryPrimitives.WriteInt64BigEndian(bytes.AsSpan(8), candidacy.Number);
        return bytes;
    }

    private static Compare Absent(byte[] key) => new(KeyRange.One(key), CompareTarget.Create, CompareRelation.Equal, 0, default);

    private static Command.Put Put(string election, CandidacyId candidacy, string value) => new(KeyOf(election, candidacy), Encoding.UTF8.GetBytes(value), candidacy.Lease);
}

/// <summary>Lease ids, which say whose process asked for them: <c>member's place (8 bits) | random (56)</c>.</summary>
internal static class LeaseIds
{
    private const int RandomBits = 56;

    public static LeaseId New(int position) => new(((long)(position + 1) << RandomBits) | Random.Shared.NextInt64(1L << RandomBits));

    public static int PositionOf(LeaseId lease) => (int)(lease.Value >> RandomBits) - 1;
}
