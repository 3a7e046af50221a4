using Conclave.Consensus;
using Conclave.Consensus.Raft;
using Conclave.Store.Snapshots;

namespace Conclave.Store;

/// <summary>Snapshots: taking them, sending them to a follower that is too far behind, receiving and installing them.</summary>
public sealed partial class Replica
{
    // Sorted, so that walks are the same on every run.
    private readonly SortedDictionary<PeerId, SnapshotStream> _streams = [];
    private IncomingSnapshot? _incoming;
    private SnapshotMark? _snapshot;
    private OutgoingSnapshot? _taking;
    private long _logBytesSinceSnapshot;

    /// <summary>
    /// Due by entries, but not before as many bytes of log have come as the last snapshot has: so writing snapshots never costs more than
    /// writing the log does. Due by bytes in any case.
    /// </summary>
    private bool IsSnapshotDue()
    {
        var entries = _applier.Applied.Index.Value - (_snapshot?.Last.Index.Value ?? 0);
        if (entries == 0)
            return false;
        return (entries >= (ulong)_options.SnapshotEntries && _logBytesSinceSnapshot >= _snapshots.NewestBytes) || _logBytesSinceSnapshot >= _options.SnapshotLogBytes;
    }

    /// <summary>The state is caught in one moment and written over as many turns as it takes.</summary>
    private void StepSnapshot()
    {
        if (_taking is null)
        {
            if (!IsSnapshotDue())
                return;
            _taking = _snapshots.Take(new SnapshotMark(_applier.Applied, _raft.Membership), _applier.WriteSnapshot());
            _logBytesSinceSnapshot = 0;
        }

        if (!_taking.Write(_options.SnapshotBytesPerTurn))
            return;
        var mark = _taking.Mark;
        _taking.Publish();
        AbandonTaking();
        _snapshot = mark;
        _wal.NoteSnapshot(mark);
        var trailing = (ulong)_options.TrailingEntries;
        var dropThrough = new LogIndex(mark.Last.Index.Value > trailing ? mark.Last.Index.Value - trailing : 0);
        _raft.Compact(mark, dropThrough);
        RemoveWhatSnapshotsCover(dropThrough);
    }

    private void AbandonTaking()
    {
        _taking?.Dispose();
        _taking = null;
    }

    /// <summary>The log on disk reaches back to the oldest snapshot kept, so that a damaged newest one costs nothing.</summary>
    private void RemoveWhatSnapshotsCover(LogIndex dropThrough)
    {
        _snapshots.RemoveOld(id => _streams.Values.Any(s => s.Mark.Last == id));
        var oldest = _snapshots.Ids[0].Index;
        if (_snapshots.Ids.Count >= _options.SnapshotsKept)
            _wal.DropThrough(oldest < dropThrough ? oldest : dropThrough);
    }

    // The leader's side.

    private void StartSnapshotStream(PeerId peer)
    {
        if (_streams.ContainsKey(peer))
            return;
        Invariant.Require(_snapshot is not null, "a log that lacks entries has a snapshot before it");
        var stream = new SnapshotStream(_snapshot, _snapshots.OpenForSending(_snapshot.Last), _options) { LastProgress = _now };
        _streams.Add(peer, stream);
        SendChunks(peer, stream);
    }

    private void SendChunks(PeerId peer, SnapshotStream stream)
    {
        while (stream.NextChunk() is { } chunk)
            _output.Send(peer, new PeerMessage.SnapshotChunk(_raft.Term, stream.Mark, stream.Length, chunk.Offset, chunk.Bytes));
    }

    private void ReceiveAck(PeerId from, PeerMessage.SnapshotAck ack)
    {
        if (!_streams.TryGetValue(from, out var stream) || stream.Mark.Last != ack.Snapshot)
            return;
        if (ack.Installed)
        {
            EndSnapshotStream(from, delivered: true);
            return;
        }

        if (stream.Acknowledge(ack.Offset))
            stream.LastProgress = _now;
        SendChunks(from, stream);
    }

    private void TickSnapshotStreams()
    {
        foreach (var (peer, stream) in _streams.ToArray())
        {
            var silence = _now - stream.LastProgress;
            if (silence >= _options.SnapshotGiveUpTicks)
            {
                EndSnapshotStream(peer, delivered: false);
            }
            else if (silence > 0 && silence % _options.SnapshotResendTicks == 0)
            {
                stream.Rewind();
                SendChunks(peer, stream);
            }
        }
    }

    private void EndSnapshotStream(PeerId peer, bool delivered)
    {
        if (!_streams.Remove(peer, out var stream))
            return;
        stream.Dispose();
        _raft.SnapshotSent(peer, delivered);
    }

    private void EndAllSnapshotStreams()
    {
        foreach (var peer in _streams.Keys.ToArray())
            EndSnapshotStream(peer, delivered: false);
    }

    // The follower's side.

    private void ReceiveChunk(PeerId from, PeerMessage.SnapshotChunk chunk)
    {
        if (chunk.Term < _raft.Term)
            return;
        if (chunk.Mark.Last.Index <= _raft.CommitIndex)
        {
            _output.Send(from, new PeerMessage.SnapshotAck(chunk.Mark.Last, chunk.Length, Installed: true));
            return;
        }

        if (_incoming is { IsWhole: true })
            return; // about to be installed in this very turn
        if (_incoming is null || _incoming.Mark.Last != chunk.Mark.Last || _incoming.Length != chunk.Length)
        {
            _incoming?.Dispose();
            _incoming = _snapshots.Receive(chunk.Mark, chunk.Length);
        }

        var isNext = chunk.Offset == _incoming.Received && chunk.Bytes.Length <= _incoming.Length - _incoming.Received;
        if (isNext)
            _incoming.Append(chunk.Bytes.Span);
        if (_incoming.Received < _incoming.Length)
            _output.Send(from, new PeerMessage.SnapshotAck(chunk.Mark.Last, _incoming.Received, Installed: false));
        else
            FinishIncoming(from, chunk);
    }

    private void FinishIncoming(PeerId from, PeerMessage.SnapshotChunk chunk)
    {
        if (!_incoming!.Finish())
        {
            DiscardIncoming();
            _output.Send(from, new PeerMessage.SnapshotAck(chunk.Mark.Last, 0, Installed: false));
            return;
        }

        _raft.Step(from, new RaftMessage.InstallSnapshot(chunk.Mark) { Term = chunk.Term });
        _output.Send(from, new PeerMessage.SnapshotAck(chunk.Mark.Last, chunk.Length, Installed: true));
    }

    /// <summary>Gives the received file its name before the log says that it replaces what was there.</summary>
    private void PublishIncoming(SnapshotMark mark)
    {
        Invariant.Require(_incoming is { IsWhole: true } && _incoming.Mark.Last == mark.Last, "only a snapshot that is durable is installed");
        _incoming.Publish();
        DiscardIncoming();
    }

    private void InstallSnapshot(SnapshotMark mark)
    {
        AbandonTaking();
        _applier.Restore([_snapshots.Load(mark.Last).Body]);
        _snapshot = mark;
        _logBytesSinceSnapshot = 0;
        _snapshots.RemoveOld(_ => false);
        _wal.DropThrough(mark.Last.Index);
        DropOvertaken(mark.Last);
    }

    /// <summary>A whole snapshot that the algorithm did not want (it had moved on) is of no use later.</summary>
    private void EndIncomingSnapshot()
    {
        if (_incoming is { IsWhole: true })
            DiscardIncoming();
    }

    private void DiscardIncoming()
    {
        _incoming?.Dispose();
        _incoming = null;
    }
}
