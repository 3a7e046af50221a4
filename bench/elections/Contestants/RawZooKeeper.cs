using System.Buffers.Binary;
using System.Net.Sockets;
using System.Text;

namespace Conclave.Bench.Elections.Contestants;

/// <summary>
/// The requests that no hand-over in ZooKeeper can do without, on a bare socket: one deletes its node, the other's watch says so, a list of the children confirms that it is the first now.
/// Written for this alone: it knows six requests of jute and no reconnection.
/// </summary>
internal sealed class RawZooKeeper : IContestant
{
    private const int Create = 1, Delete = 2, Exists = 3, GetChildren = 8;
    private const int Ok = 0, NoNode = -101, NodeExists = -110;
    private const int NodeDeleted = 2;

    private readonly NetworkStream _stream;
    private readonly string _parent;
    private readonly string _own;
    private readonly string _other;
    private int _xid;
    private bool _isDeletionSeen;

    private RawZooKeeper(NetworkStream stream, string parent, int number) =>
        (_stream, _parent, _own, _other) = (stream, parent, $"{parent}/{number}", $"{parent}/{1 - number}");

    public static async Task<IContestant> ConnectAsync(string server, string election, int number)
    {
        var parts = server.Split(':');
        var socket = new Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        await socket.ConnectAsync(parts[0], int.Parse(parts[1], System.Globalization.CultureInfo.InvariantCulture));
        var contestant = new RawZooKeeper(new NetworkStream(socket, ownsSocket: true), "/" + election, number);
        await contestant.ShakeHandsAsync();
        return contestant;
    }

    public async Task StandAsync()
    {
        await AskAsync(Create, NodeExists, w => w.Text(_parent).Bytes([]).OpenToAll().Int(0));
        await AskAsync(Create, Ok, w => w.Text(_own).Bytes([]).OpenToAll().Int(1));
        _isDeletionSeen = false;
        if (await AskAsync(Exists, NoNode, w => w.Text(_other).Flag(true)) == NoNode)
            return;
        while (!_isDeletionSeen)
            Notice(await ReadFrameAsync());
        await AskAsync(GetChildren, Ok, w => w.Text(_parent).Flag(false));
    }

    public async Task ResignAsync() => await AskAsync(Delete, Ok, w => w.Text(_own).Int(-1));

    public ValueTask DisposeAsync() => _stream.DisposeAsync();

    private async Task ShakeHandsAsync()
    {
        // A session that outlives the drill without a ping: the server takes up to a minute.
        await _stream.WriteAsync(new Frame().Int(0).Long(0).Int(60_000).Long(0).Bytes(new byte[16]).Flag(false).ToArray());
        await ReadFrameAsync();
    }

    private async Task<int> AskAsync(int operation, int alsoGood, Func<Frame, Frame> arguments)
    {
        var xid = ++_xid;
        await _stream.WriteAsync(arguments(new Frame().Int(xid).Int(operation)).ToArray());
        while (true)
        {
            var answer = await ReadFrameAsync();
            if (!Notice(answer))
            {
                var error = BinaryPrimitives.ReadInt32BigEndian(answer.AsSpan(12));
                return error == Ok || error == alsoGood ? error : throw new InvalidOperationException($"ZooKeeper answered {error} to operation {operation}.");
            }
        }
    }

    /// <summary>True for an event, which comes with no request's number.</summary>
    private bool Notice(byte[] frame)
    {
        if (BinaryPrimitives.ReadInt32BigEndian(frame) != -1)
            return false;
        _isDeletionSeen |= BinaryPrimitives.ReadInt32BigEndian(frame.AsSpan(16)) == NodeDeleted;
        return true;
    }

    private async Task<byte[]> ReadFrameAsync()
    {
        var length = new byte[4];
        await _stream.ReadExactlyAsync(length);
        var frame = new byte[BinaryPrimitives.ReadInt32BigEndian(length)];
        await _stream.ReadExactlyAsync(frame);
        return frame;
    }

    private sealed class Frame
    {
        private readonly List<byte> _bytes = [0, 0, 0, 0];

        public Frame Int(int value)
        {
            var bytes = new byte[4];
            BinaryPrimitives.WriteInt32BigEndian(bytes, value);
            _bytes.AddRange(bytes);
            return this;
        }

        public Frame Long(long value) => Int((int)(value >> 32)).Int((int)value);

        public Frame Flag(bool value)
        {
            _bytes.Add(value ? (byte)1 : (byte)0);
            return this;
        }

        public Frame Bytes(byte[] value)
        {
            Int(value.Length);
            _bytes.AddRange(value);
            return this;
        }

        public Frame Text(string value) => Bytes(Encoding.UTF8.GetBytes(value));

        public Frame OpenToAll() => Int(1).Int(31).Text("world").Text("anyone");

        public byte[] ToArray()
        {
            var bytes = _bytes.ToArray();
            BinaryPrimitives.WriteInt32BigEndian(bytes, bytes.Length - 4);
            return bytes;
        }
    }
}
