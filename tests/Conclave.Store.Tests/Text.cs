using System.Text;
using Conclave.Store.Mvcc;

namespace Conclave.Store.Tests;

/// <summary>Keys and values of tests are Latin-1 strings; results are compared as text, so that a failure reads well.</summary>
internal static class Text
{
    public static ReadOnlyMemory<byte> Bytes(string text) => Encoding.Latin1.GetBytes(text);

    public static string Of(ReadOnlyMemory<byte> bytes) => Encoding.Latin1.GetString(bytes.Span);

    public static KeyRange Keys(string key, string end = "") => new(Bytes(key), Bytes(end));

    public static Command.Put Put(string key, string value, long lease = 0, bool prevKv = false) => new(Bytes(key), Bytes(value), new LeaseId(lease), prevKv);

    public static Command.DeleteRange Delete(string key, string end = "", bool prevKv = false) => new(Keys(key, end), prevKv);

    public static Command.Range Range(string key, string end = "", long revision = 0) => new(new RangeQuery(Keys(key, end)) { Revision = new Revision(revision) });

    public static string Show(KeyValue? kv) => kv is null
        ? "-"
        : kv.IsTombstone
            ? $"{Of(kv.Key)}!{kv.ModRevision}"
            : $"{Of(kv.Key)}={Of(kv.Value)}({kv.CreateRevision},{kv.ModRevision},{kv.Version},{kv.Lease})";

    public static string Show(RangeResult range) => $"[{string.Join(' ', range.Kvs.Select(Show))}] {(range.More ? "more " : "")}of {range.Count}";

    public static string Show(StoreEvent change) => $"{Show(change.Kv)}<{Show(change.Previous)}";

    public static string Show(CommandResult result) => $"@{result.Revision} " + result switch
    {
        CommandResult.Refused refused => refused.Error.ToString(),
        CommandResult.Range range => Show(range.Found),
        CommandResult.Put put => $"put {Show(put.Previous)}",
        CommandResult.DeleteRange delete => $"deleted {delete.Deleted} [{string.Join(' ', delete.Previous.Select(Show))}]",
        CommandResult.Txn txn => $"{(txn.Succeeded ? "then" : "else")} {{{string.Join("; ", txn.Results.Select(Show))}}}",
        CommandResult.Compacted => "compacted",
        CommandResult.LeaseGranted granted => $"lease {granted.Id} {granted.Ttl}",
        CommandResult.LeaseRevoked revoked => $"revoked {revoked.Deleted}",
        CommandResult.MemberPublished => "published",
        _ => throw new System.Diagnostics.UnreachableException(),
    };
}
