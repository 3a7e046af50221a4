using System.Buffers;
using System.Buffers.Binary;
using System.Collections.Immutable;
using System.Diagnostics;
using Conclave.Consensus;
using Conclave.Consensus.Raft;
using Conclave.Store;
using Conclave.Wire.Peers;

namespace Conclave.Runtime.Peers;

/// <summary>
/// The payload of a peer's frame: one kind byte, then fixed fields, little-endian, and lists and bytes after their length. What was read shares nothing with
/// the buffer it came from. Changes of layout are a new <see cref="PeerHello.CurrentVersion"/>.
/// </summary>
internal static class PeerCodec
{
    private enum Kind : byte
    {
        RequestVote = 1,
        VoteReply = 2,
        AppendEntries = 3,
        AppendReply = 4,
        Heartbeat = 5,
        HeartbeatReply = 6,
        InstallSnapshot = 7,
        Propose = 8,
        ReadRequest = 9,
        ReadReply = 10,
        SnapshotChunk = 32,
        SnapshotAck = 33,
        RenewLease = 34,
        LeaseRenewed = 35,
    }

    /// <summary>Appends <paramref name="message"/> to <paramref name="to"/> as one frame.</summary>
    public static void WriteFrame(ArrayBufferWriter<byte> to, PeerMessage message)
    {
        var start = to.WrittenCount;
        to.GetSpan(PeerFrame.HeaderBytes)[..PeerFrame.HeaderBytes].Clear();
        to.Advance(PeerFrame.HeaderBytes);
        Write(new Writer(to), message);
        PeerFrame.Seal(System.Runtime.InteropServices.MemoryMarshal.AsMemory(to.WrittenMemory).Span[start..]);
    }

    /// <summary>Reads one payload.</summary>
    /// <exception cref="PeerFrameException">No message of ours.</exception>
    public static PeerMessage Read(ReadOnlySpan<byte> payload)
    {
        var reader = new Reader(payload);
        var message = ReadMessage(ref reader);
        return reader.AtEnd ? message : throw new PeerFrameException("Bytes follow the message.");
    }

    private static void Write(Writer to, PeerMessage message)
    {
        switch (message)
        {
            case PeerMessage.Raft raft:
                Write(to, raft.Message);
                break;
            case PeerMessage.SnapshotChunk chunk:
                to.Kind(Kind.SnapshotChunk);
                to.Number(chunk.Term.Value);
                to.Mark(chunk.Mark);
                to.Number((ulong)chunk.Length);
                to.Number((ulong)chunk.Offset);
                to.Bytes(chunk.Bytes.Span);
                break;
            case PeerMessage.SnapshotAck ack:
                to.Kind(Kind.SnapshotAck);
                to.Id(ack.Snapshot);
                to.Number((ulong)ack.Offset);
                to.Flag(ack.Installed);
                break;
            case PeerMessage.RenewLease renew:
                to.Kind(Kind.RenewLease);
                to.Number(renew.Request);
                to.Number((ulong)renew.Lease.Value);
                break;
            case PeerMessage.LeaseRenewed renewed:
                to.Kind(Kind.LeaseRenewed);
                to.Number(renewed.Request);
                to.Number(renewed.Outcome switch { RenewalOutcome.Renewed => 1UL, RenewalOutcome.Gone => 2, _ => 3 });
                to.Number(renewed.Outcome is RenewalOutcome.Renewed r ? (ulong)r.Ttl : 0);
                break;
            default:
                throw new UnreachableException();
        }
    }

    private static void Write(Writer to, RaftMessage message)
    {
        to.Kind(message switch
        {
            RaftMessage.RequestVote => Kind.RequestVote,
            RaftMessage.VoteReply => Kind.VoteReply,
            RaftMessage.AppendEntries => Kind.AppendEntries,
            RaftMessage.AppendReply => Kind.AppendReply,
            RaftMessage.Heartbeat => Kind.Heartbeat,
            RaftMessage.HeartbeatReply => Kind.HeartbeatReply,
            RaftMessage.InstallSnapshot => Kind.InstallSnapshot,
            RaftMessage.Propose => Kind.Propose,
            RaftMessage.ReadRequest => Kind.ReadRequest,
            RaftMessage.ReadReply => Kind.ReadReply,
            _ => throw new UnreachableException(),
        });
        to.Number(message.Term.Value);
        switch (message)
        {
            case RaftMessage.RequestVote vote:
                to.Id(vote.Last);
                to.Flag(vote.PreVote);
                to.Flag(vote.LeaderRefused);
                break;
            case RaftMessage.VoteReply vote:
                to.Flag(vote.Granted);
                to.Flag(vote.PreVote);
                break;
            case RaftMessage.AppendEntries append:
                to.Id(append.Previous);
                to.Number(append.Commit.Value);
                to.Count(append.Entries.Count);
                for (var i = 0; i < append.Entries.Count; i++)
                    to.Entry(append.Entries[i]);
                break;
            case RaftMessage.AppendReply reply:
                to.Flag(reply.Accepted);
                to.Number(reply.Index.Value);
                to.Id(reply.Hint);
                break;
            case RaftMessage.Heartbeat heartbeat:
                to.Number(heartbeat.Commit.Value);
                to.Number(heartbeat.Round);
                break;
            case RaftMessage.HeartbeatReply reply:
                to.Number(reply.Round);
                break;
            case RaftMessage.InstallSnapshot install:
                to.Mark(install.Mark);
                break;
            case RaftMessage.Propose propose:
                to.Count(propose.Commands.Count);
                foreach (var command in propose.Commands)
                    to.Bytes(command.Span);
                break;
            case RaftMessage.ReadRequest read:
                to.Number(read.Id.Value);
                break;
            case RaftMessage.ReadReply read:
                to.Number(read.Id.Value);
                to.Flag(read.Index is not null);
                to.Number(read.Index?.Value ?? 0);
                break;
            default:
                throw new UnreachableException();
        }
    }

    private static PeerMessage ReadMessage(ref Reader from)
    {
        var kind = from.Kind();
        switch (kind)
        {
            case Kind.SnapshotChunk:
                return new PeerMessage.SnapshotChunk(from.Term(), from.Mark(), from.Length(), from.Length(), from.Bytes());
            case Kind.SnapshotAck:
                return new PeerMessage.SnapshotAck(from.Id(), from.Length(), from.Flag());
            case Kind.RenewLease:
                return new PeerMessage.RenewLease(from.Number(), new LeaseId((long)from.Number()));
            case Kind.LeaseRenewed:
                var request = from.Number();
                var (outcome, ttl) = (from.Number(), (long)from.Number());
                return new PeerMessage.LeaseRenewed(request, outcome switch
                {
                    1 => new RenewalOutcome.Renewed(ttl),
                    2 => new RenewalOutcome.Gone(),
                    3 => new RenewalOutcome.Unknown(),
                    _ => throw new PeerFrameException($"Renewal outcome {outcome} is unknown."),
                });
            default:
                return new PeerMessage.Raft(ReadRaft(ref from, kind));
        }
    }

    private static RaftMessage ReadRaft(ref Reader from, Kind kind)
    {
        var term = from.Term();
        switch (kind)
        {
            case Kind.RequestVote:
                return new RaftMessage.RequestVote(from.Id(), from.Flag(), from.Flag()) { Term = term };
            case Kind.VoteReply:
                return new RaftMessage.VoteReply(from.Flag(), from.Flag()) { Term = term };
            case Kind.AppendEntries:
                var (previous, commit) = (from.Id(), from.Index());
                var entries = new Entry[from.Count()];
                for (var i = 0; i < entries.Length; i++)
                    entries[i] = from.Entry();
                return new RaftMessage.AppendEntries(previous, entries, commit) { Term = term };
            case Kind.AppendReply:
                return new RaftMessage.AppendReply(from.Flag(), from.Index(), from.Id()) { Term = term };
            case Kind.Heartbeat:
                return new RaftMessage.Heartbeat(from.Index(), from.Number()) { Term = term };
            case Kind.HeartbeatReply:
                return new RaftMessage.HeartbeatReply(from.Number()) { Term = term };
            case Kind.InstallSnapshot:
                return new RaftMessage.InstallSnapshot(from.Mark()) { Term = term };
            case Kind.Propose:
                var commands = new ReadOnlyMemory<byte>[from.Count()];
                for (var i = 0; i < commands.Length; i++)
                    commands[i] = from.Bytes();
                return new RaftMessage.Propose(commands) { Term = term };
            case Kind.ReadRequest:
                return new RaftMessage.ReadRequest(new ReadId(from.Number())) { Term = term };
            case Kind.ReadReply:
                var id = new ReadId(from.Number());
                var (known, index) = (from.Flag(), from.Index());
                return new RaftMessage.ReadReply(id, known ? index : null) { Term = term };
            default:
                throw new PeerFrameException($"Message kind {(byte)kind} is unknown.");
        }
    }

    private readonly struct Writer(ArrayBufferWriter<byte> to)
    {
        public void Kind(Kind kind) => Byte((byte)kind);

        public void Flag(bool flag) => Byte(flag ? (byte)1 : (byte)0);

        public void Number(ulong number)
        {
            BinaryPrimitives.WriteUInt64LittleEndian(to.GetSpan(8), number);
            to.Advance(8);
        }

        public void Count(int count)
        {
            BinaryPrimitives.WriteInt32LittleEndian(to.GetSpan(4), count);
            to.Advance(4);
        }

        public void Bytes(ReadOnlySpan<byte> bytes)
        {
            Count(bytes.Length);
            to.Write(bytes);
        }

        public void Id(EntryId id)
        {
            Number(id.Term.Value);
            Number(id.Index.Value);
        }

        public void Mark(SnapshotMark mark)
        {
            Id(mark.Last);
            Count(mark.Membership.Voters.Length);
            foreach (var voter in mark.Membership.Voters)
                Number(voter.Value);
        }

        public void Entry(Entry entry)
        {
            Id(entry.Id);
            Byte((byte)entry.Kind);
            Bytes(entry.Data.Span);
        }

        private void Byte(byte value)
        {
            to.GetSpan(1)[0] = value;
            to.Advance(1);
        }
    }

    private ref struct Reader(ReadOnlySpan<byte> input)
    {
        private ReadOnlySpan<byte> _rest = input;

        public readonly bool AtEnd => _rest.IsEmpty;

        public Kind Kind() => (Kind)Take(1)[0];

        public bool Flag() => Take(1)[0] switch
        {
            0 => false,
            1 => true,
            var other => throw new PeerFrameException($"{other} is neither yes nor no."),
        };

        public ulong Number() => BinaryPrimitives.ReadUInt64LittleEndian(Take(8));

        public long Length()
        {
            var length = (long)Number();
            return length >= 0 ? length : throw new PeerFrameException("A length is negative.");
        }

        /// <summary>A count of things that take a byte or more each: a damaged one cannot ask for more memory than the frame has bytes.</summary>
        public int Count()
        {
            var count = BinaryPrimitives.ReadInt32LittleEndian(Take(4));
            return count >= 0 && count <= _rest.Length ? count : throw new PeerFrameException($"A count of {count} exceeds the frame.");
        }

        public byte[] Bytes() => Take(Count()).ToArray();

        public Term Term() => new(Number());

        public LogIndex Index() => new(Number());

        public EntryId Id() => new(Term(), Index());

        public SnapshotMark Mark()
        {
            var last = Id();
            var voters = ImmutableArray.CreateBuilder<PeerId>();
            for (var left = Count(); left > 0; left--)
                voters.Add(new PeerId(Number()));
            try
            {
                return new SnapshotMark(last, new Membership(voters));
            }
            catch (ArgumentException e)
            {
                throw new PeerFrameException(e.Message);
            }
        }

        public Entry Entry()
        {
            var id = Id();
            var kind = (EntryKind)Take(1)[0];
            if (kind > EntryKind.Command)
                throw new PeerFrameException($"Entry kind {(byte)kind} is unknown.");
            return new Entry(id, kind, Bytes());
        }

        private ReadOnlySpan<byte> Take(int count)
        {
            if (_rest.Length < count)
                throw new PeerFrameException("The message ends within a field.");
            var taken = _rest[..count];
            _rest = _rest[count..];
            return taken;
        }
    }
}
