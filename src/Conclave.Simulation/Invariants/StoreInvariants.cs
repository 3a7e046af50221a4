using Conclave.Consensus;
using Conclave.Simulation.World;
using Conclave.Store;
using Conclave.Store.Mvcc;

namespace Conclave.Simulation.Invariants;

/// <summary>
/// RevisionsAgree: the same log position means the same revision and the same history on every member. AcknowledgedWritesSurvive: what a client was told
/// is written is in every store that has come so far, at the revision that it was told, for ever.
/// </summary>
internal sealed class StoreInvariants
{
    /// <summary>Every so many revisions the whole history is hashed and compared.</summary>
    private const long HashEvery = 64;

    private readonly Dictionary<LogIndex, Revision> _revisions = [];
    private readonly Dictionary<(Revision At, Revision Compacted), (uint Hash, PeerId By)> _hashes = [];
    private readonly List<Acknowledged> _acknowledged = [];
    private readonly Dictionary<PeerId, View> _views = [];
    private Term _established;

    /// <param name="Revision">The revision that the client was told.</param>
    /// <param name="Key">What was written.</param>
    /// <param name="Value">The bytes; null: it was deleted.</param>
    public sealed record Acknowledged(Revision Revision, ReadOnlyMemory<byte> Key, ReadOnlyMemory<byte>? Value);

    public int AcknowledgedWrites => _acknowledged.Count;

    /// <summary>The newest revision that any client was told of.</summary>
    public Revision NewestAcknowledged { get; private set; }

    public void Acknowledge(Acknowledged write)
    {
        _acknowledged.Add(write);
        if (write.Revision > NewestAcknowledged)
            NewestAcknowledged = write.Revision;
    }

    public void ProcessEnded(PeerId member) => _views.Remove(member);

    public void Check(SimulatedMember member)
    {
        var applier = member.Replica!.Applier;
        var store = applier.Store;
        if (!_views.TryGetValue(member.Id, out var view))
            _views.Add(member.Id, view = new View());
        if (applier.Applied.Index == view.Applied)
            return;
        view.Applied = applier.Applied.Index;
        CheckRevision(member.Id, view.Applied, store.Current);
        var at = new Revision(store.Current.Value / HashEvery * HashEvery);
        if (at > view.Hashed)
        {
            view.Hashed = at;
            CheckHash(member.Id, store, at);
        }

        CheckAcknowledged(member.Id, store, view);
    }

    /// <summary>
    /// A leader that has applied all that earlier terms left has applied all that was acknowledged, unless it has a successor: who was deposed in the middle of a slow turn says so late,
    /// and what its successor acknowledged meanwhile is not its to have (a client that reads there is refused, for no majority confirms the read).
    /// </summary>
    public void CheckEstablished(SimulatedMember member, Term term)
    {
        if (term < _established)
            return;
        _established = term;
        CheckHasAll(member);
    }

    private void CheckHasAll(SimulatedMember member)
    {
        var current = member.Replica!.Applier.Store.Current;
        if (current < NewestAcknowledged)
            throw new InvariantViolatedException("AcknowledgedWritesSurvive", $"{member.Id} leads at revision {current}; revision {NewestAcknowledged} had been acknowledged");
    }

    public void CheckAtRest(SimulatedMember member)
    {
        CheckHasAll(member);
        CheckHash(member.Id, member.Replica!.Applier.Store, member.Replica.Applier.Store.Current);
    }

    private void CheckRevision(PeerId member, LogIndex applied, Revision revision)
    {
        if (!_revisions.TryAdd(applied, revision) && _revisions[applied] != revision)
            throw new InvariantViolatedException("RevisionsAgree", $"after entry {applied} {member} is at revision {revision}, somebody else at {_revisions[applied]}");
    }

    private void CheckHash(PeerId member, MvccStore store, Revision at)
    {
        if (store.HashKv(at, out var hash) != StoreError.None)
            return;
        if (!_hashes.TryAdd((hash.At, hash.Compacted), (hash.Hash, member)) && _hashes[(hash.At, hash.Compacted)].Hash != hash.Hash)
            throw new InvariantViolatedException("RevisionsAgree", $"the histories of {member} and {_hashes[(hash.At, hash.Compacted)].By} differ at revision {at}");
    }

    private void CheckAcknowledged(PeerId member, MvccStore store, View view)
    {
        for (; view.Looked < _acknowledged.Count; view.Looked++)
            view.Unproven.Add(_acknowledged[view.Looked]);
        for (var i = view.Unproven.Count - 1; i >= 0; i--)
        {
            var write = view.Unproven[i];
            if (write.Revision > store.Current)
                continue;
            view.Unproven[i] = view.Unproven[^1];
            view.Unproven.RemoveAt(view.Unproven.Count - 1);
            if (store.Range(new RangeQuery(KeyRange.One(write.Key)) { Revision = write.Revision }, out var found) != StoreError.None)
                continue; // compacted
            var holds = write.Value is { } value
                ? found.Kvs is [var kv] && kv.ModRevision == write.Revision && kv.Value.Span.SequenceEqual(value.Span)
                : found.Kvs.Count == 0;
            if (!holds)
                throw new InvariantViolatedException("AcknowledgedWritesSurvive", $"{member} does not hold the write of {System.Text.Encoding.UTF8.GetString(write.Key.Span)} that was acknowledged at revision {write.Revision}");
        }
    }

    /// <summary>What was checked on one process.</summary>
    private sealed class View
    {
        public LogIndex Applied { get; set; }

        public Revision Hashed { get; set; }

        public int Looked { get; set; }

        public List<Acknowledged> Unproven { get; } = [];
    }
}
