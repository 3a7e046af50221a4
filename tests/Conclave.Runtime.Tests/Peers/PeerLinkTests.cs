using System.Buffers.Binary;
using System.Collections.Concurrent;
using System.Net.Sockets;
using Conclave.Consensus;
using Conclave.Consensus.Raft;
using Conclave.Runtime.Disk;
using Conclave.Runtime.Peers;
using Conclave.Store;
using Conclave.Wire.Peers;
using Microsoft.Extensions.Logging.Abstractions;

namespace Conclave.Runtime.Tests.Peers;

/// <summary>A forwarded proposal that came twice would be carried out twice, and nothing above the link would notice. Real sockets, cut by the other side.</summary>
public sealed class PeerLinkTests : IDisposable
{
    private const ulong Cluster = 7;
    private const int Cuts = 40;
    private static readonly PeerId Self = new(1);
    private static readonly PeerId Peer = new(2);
    private readonly string _root = Directory.CreateTempSubdirectory("cvlink").FullName;

    public void Dispose() => Directory.Delete(_root, recursive: true);

    /// <summary>The other side reads a little and cuts, again and again, while proposals of all sizes are on their way: sent whole, sent in part, and waiting for room.</summary>
    [Theory]
    [InlineData(100)]
    [InlineData(30_000)]
    [InlineData(400_000)]
    public async Task A_proposal_is_never_sent_again_over_a_new_stream(int bytes)
    {
        using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(60));
        using var disk = FileDisk.Acquire(Path.Combine(_root, "data"));
        var url = $"unix://{_root}/peer";
        using var listener = PeerAddress.Parse(url).NewSocket();
        listener.Bind(PeerAddress.Parse(url).ToEndPoint());
        listener.Listen(1);
        KnownDirectories.RequireLog(disk);
        var known = KnownDirectories.Open(disk, Self, [Peer]);
        var link = new PeerLink(new PeerHello(PeerHello.CurrentVersion, Cluster, Self.Value, Peer.Value, known.Own, []), known, [PeerAddress.Parse(url)], 4 << 20, new Silence(), NullLogger.Instance);
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(limit.Token);
        var running = link.RunAsync(stop.Token);
        var sending = Task.Run(() => SendUntilStopped(link, bytes, stop.Token), CancellationToken.None);

        var random = new Random(bytes);
        var seen = new ConcurrentDictionary<ulong, int>();
        for (var cut = 0; cut < Cuts; cut++)
        {
            using var socket = await listener.AcceptAsync(limit.Token);
            var frames = new FrameStream(socket);
            Assert.NotNull(await frames.ReadOneAsync(limit.Token));
            await socket.SendAsync(PeerFrame.Of(new PeerWelcome(PeerAnswer.Welcome, 5, "").ToBytes()), limit.Token);
            for (var left = 1 + random.Next(8); left > 0; left--)
            {
                var payload = await frames.ReadOneAsync(limit.Token);
                var proposal = Assert.IsType<RaftMessage.Propose>(Assert.IsType<PeerMessage.Raft>(PeerCodec.Read(payload)).Message);
                var number = BinaryPrimitives.ReadUInt64LittleEndian(Assert.Single(proposal.Commands).Span);
                Assert.True(seen.TryAdd(number, cut), $"Proposal {number} came over stream {cut} and over stream {seen.GetValueOrDefault(number)}.");
            }
        }

        Assert.True(seen.Count >= Cuts);
        await stop.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => running);
        await sending;
    }

    private static void SendUntilStopped(PeerLink link, int bytes, CancellationToken stop)
    {
        var random = new Random(bytes);
        for (ulong number = 1; !stop.IsCancellationRequested; number++)
        {
            var command = new byte[sizeof(ulong) + random.Next(bytes)];
            BinaryPrimitives.WriteUInt64LittleEndian(command, number);
            link.Send(new PeerMessage.Raft(new RaftMessage.Propose([command]) { Term = new Term(1) }));
            Thread.Yield();
        }
    }

    private sealed class Silence : IPeerEvents
    {
        public void Received(PeerId from, PeerMessage message)
        {
        }

        public void PeerConnected(PeerId peer)
        {
        }

        public void PeerRefused(PeerId peer)
        {
        }
    }
}
