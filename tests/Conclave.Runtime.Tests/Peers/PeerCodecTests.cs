using System.Buffers;
using Conclave.Consensus;
using Conclave.Consensus.Raft;
using Conclave.Runtime.Peers;
using Conclave.Store;
using Conclave.Wire.Peers;

namespace Conclave.Runtime.Tests.Peers;

public sealed class PeerCodecTests
{
    private static readonly Term Term = new(9);
    private static readonly EntryId Id = new(new Term(3), new LogIndex(77));
    private static readonly SnapshotMark Mark = new(Id, new Membership([new PeerId(1), new PeerId(ulong.MaxValue)]));

    private static readonly RaftMessage[] RaftMessages =
    [
        new RaftMessage.RequestVote(Id, true, false) { Term = Term },
        new RaftMessage.VoteReply(true, false) { Term = Term },
        new RaftMessage.AppendEntries(Id, [new Entry(Id, EntryKind.Empty, default), new Entry(Id, EntryKind.Command, new byte[] { 1, 2, 3 })], new LogIndex(5)) { Term = Term },
        new RaftMessage.AppendReply(false, new LogIndex(4), Id) { Term = Term },
        new RaftMessage.Heartbeat(new LogIndex(4), 12) { Term = Term },
        new RaftMessage.HeartbeatReply(12) { Term = Term },
        new RaftMessage.InstallSnapshot(Mark) { Term = Term },
        new RaftMessage.Propose([new byte[] { 7 }, Array.Empty<byte>()]) { Term = Term },
        new RaftMessage.ReadRequest(new ReadId(4)) { Term = Term },
        new RaftMessage.ReadReply(new ReadId(4), new LogIndex(2)) { Term = Term },
        new RaftMessage.ReadReply(new ReadId(4), null) { Term = Term },
    ];

    private static readonly PeerMessage[] Messages =
    [
        .. RaftMessages.Select(m => new PeerMessage.Raft(m)),
        new PeerMessage.SnapshotChunk(Term, Mark, 1_000, 500, new byte[] { 1, 2 }),
        new PeerMessage.SnapshotAck(Id, 502, true),
        new PeerMessage.RenewLease(6, new LeaseId(-5)),
        new PeerMessage.LeaseRenewed(6, new RenewalOutcome.Renewed(30)),
        new PeerMessage.LeaseRenewed(6, new RenewalOutcome.Gone()),
        new PeerMessage.LeaseRenewed(6, new RenewalOutcome.Unknown()),
    ];

    [Fact]
    public void Every_message_comes_back_as_it_was()
    {
        foreach (var message in Messages)
        {
            var bytes = Payload(message);
            var read = PeerCodec.Read(bytes);
            Assert.Equal(message.GetType(), read.GetType());
            Assert.Equal(bytes, Payload(read));
            if (read is PeerMessage.Raft raft && message is PeerMessage.Raft original)
                Assert.Equal(original.Message.GetType(), raft.Message.GetType());
        }
    }

    [Fact]
    public void Every_kind_of_message_is_tried()
    {
        Assert.Equal(typeof(PeerMessage).GetNestedTypes().Length, Messages.Select(m => m.GetType()).Distinct().Count());
        Assert.Equal(typeof(RaftMessage).GetNestedTypes().Length, RaftMessages.Select(m => m.GetType()).Distinct().Count());
    }

    [Fact]
    public void A_message_cut_anywhere_is_refused()
    {
        foreach (var message in Messages)
        {
            var bytes = Payload(message);
            for (var length = 0; length < bytes.Length; length++)
                Assert.Throws<PeerFrameException>(() => PeerCodec.Read(bytes.AsSpan(0, length)));
        }
    }

    [Fact]
    public void Noise_is_refused_or_read_but_never_more()
    {
        var random = new Random(1);
        for (var round = 0; round < 20_000; round++)
        {
            var bytes = round % 2 == 0 ? new byte[random.Next(64)] : Payload(Messages[random.Next(Messages.Length)]);
            if (round % 2 == 0)
                random.NextBytes(bytes);
            else
                bytes[random.Next(bytes.Length)] = (byte)random.Next(256);
            try
            {
                PeerCodec.Read(bytes);
            }
            catch (PeerFrameException)
            {
                // The only refusal there is.
            }
        }
    }

    [Fact]
    public void A_damaged_frame_is_refused()
    {
        var frames = new ArrayBufferWriter<byte>();
        PeerCodec.WriteFrame(frames, Messages[0]);
        for (var at = 4; at < frames.WrittenCount; at++)
        {
            var bytes = frames.WrittenSpan.ToArray();
            bytes[at] ^= 1;
            Assert.Throws<PeerFrameException>(() =>
            {
                ReadOnlySpan<byte> input = bytes;
                PeerFrame.TryRead(ref input, out _);
            });
        }
    }

    [Fact]
    public void A_frame_over_the_limit_is_refused_by_its_header_alone()
    {
        var header = new byte[PeerFrame.HeaderBytes];
        BitConverter.TryWriteBytes(header, PeerFrame.MaxPayloadBytes + 1);
        Assert.Throws<PeerFrameException>(() => PeerFrame.PayloadLength(header));
    }

    private static byte[] Payload(PeerMessage message)
    {
        var frame = new ArrayBufferWriter<byte>();
        PeerCodec.WriteFrame(frame, message);
        return frame.WrittenSpan[PeerFrame.HeaderBytes..].ToArray();
    }
}
