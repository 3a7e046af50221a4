using System.Text.Json.Nodes;

namespace Conclave.Kubernetes.Tests.ApiServer;

/// <summary>
/// Writes to a Lease that is there, by what they make of who holds it; those of a kind can be held back before they are done, and go without an answer after it. Thread-safe.
/// </summary>
internal sealed class Writes(LeaseStore store, Steering steering)
{
    public const string Acquire = "acquire";
    public const string Renew = "renew";
    public const string Release = "release";

    private int _lost;
    private int _held;

    /// <summary>So many were done and not answered.</summary>
    public int Lost => Volatile.Read(ref _lost);

    /// <summary>So many wait.</summary>
    public int Held => Volatile.Read(ref _held);

    /// <summary>Null: it was done, and there shall be no answer.</summary>
    public async Task<JsonObject?> UpdateAsync(string ns, string name, JsonObject lease)
    {
        var kind = KindOf(store.List(ns, name)["items"]!.AsArray() is [JsonObject stored] ? stored : null, lease);
        if (steering.Holds(kind))
        {
            // Whatever becomes of the one who asked: what has arrived here is done in the end.
            Interlocked.Increment(ref _held);
            try
            {
                while (steering.Holds(kind))
                    await Task.Delay(10);
                return store.Update(ns, name, lease);
            }
            finally
            {
                Interlocked.Decrement(ref _held);
            }
        }

        var written = store.Update(ns, name, lease);
        if (!steering.Loses(kind))
            return written;
        Interlocked.Increment(ref _lost);
        return null;
    }

    private static string KindOf(JsonObject? stored, JsonObject written) =>
        Holder(written) is not { } holder ? Release : stored is not null && holder == Holder(stored) ? Renew : Acquire;

    private static string? Holder(JsonObject lease) => (string?)lease["spec"]?["holderIdentity"] is { Length: > 0 } holder ? holder : null;
}
