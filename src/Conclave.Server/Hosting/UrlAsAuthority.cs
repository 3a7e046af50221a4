using System.Buffers;
using System.IO.Pipelines;
using System.Runtime.InteropServices;
using Microsoft.AspNetCore.Connections;

namespace Conclave.Server.Hosting;

/// <summary>
/// Lets etcdctl 3.4 in: for <c>endpoint status</c> and <c>hashkv</c> it sends the endpoint as the user typed it, <c>http://host:port</c>, as HTTP/2's
/// <c>:authority</c>. etcd ignores it; Kestrel resets the stream, rightly, and cannot be told otherwise. Such a value is overwritten in place, before
/// Kestrel reads it, by a host name of the same length. Nobody here looks at the authority.
/// Only the first header block of a connection is looked at: a client that does this does it from its first request on, and HPACK
/// (RFC 7541) refers later ones to what this one left in the table. Lengths do not change, so frames stay as they are; not Huffman-coded, the
/// new value takes no more room in the table than the old one did, so no entry leaves our table before the client's.
/// </summary>
internal sealed class UrlAsAuthority(PipeReader inner) : PipeReader
{
    private const int FrameHeaderBytes = 9;
    private const int FrameBytesMax = 16_384;
    private const int PrefaceBytes = 24;
    private const byte Headers = 1;
    private const byte Padded = 0x08;
    private const byte Priority = 0x20;
    private const int AuthorityIndex = 1;

    private readonly PipeReader _inner = inner;
    private bool _passing; // nothing is looked at any more
    private bool _pastPreface;
    private SequencePosition _shown;

    // "http:" in HPACK's Huffman code (RFC 7541, appendix B) is 29 bits, "http://" 41: five whole bytes of it.
    private static ReadOnlySpan<byte> HuffmanUrl => [0x9d, 0x29, 0xae, 0xe3, 0x0c];

    public static void Apply(ConnectionContext connection) =>
        connection.Transport = new Duplex(new UrlAsAuthority(connection.Transport.Input), connection.Transport.Output);

    public override async ValueTask<ReadResult> ReadAsync(CancellationToken cancellationToken = default)
    {
        while (true)
        {
            var result = await _inner.ReadAsync(cancellationToken);
            if (_passing || result.IsCompleted || result.IsCanceled)
            {
                _passing = true;
                return result;
            }

            var whole = WholeFrames(result.Buffer);
            if (_passing) return result;
            if (whole > 0)
            {
                var shown = result.Buffer.Slice(0, whole);
                _shown = shown.End;
                return new ReadResult(shown, isCanceled: false, isCompleted: false);
            }

            _inner.AdvanceTo(result.Buffer.Start, result.Buffer.End);
        }
    }

    public override bool TryRead(out ReadResult result)
    {
        _passing = true;
        return _inner.TryRead(out result);
    }

    public override void AdvanceTo(SequencePosition consumed) => AdvanceTo(consumed, consumed);

    public override void AdvanceTo(SequencePosition consumed, SequencePosition examined)
    {
        // Whoever reads in other steps than whole frames is not followed.
        if (!_passing && !consumed.Equals(_shown)) _passing = true;
        _inner.AdvanceTo(consumed, examined);
    }

    public override void CancelPendingRead() => _inner.CancelPendingRead();

    public override void Complete(Exception? exception = null) => _inner.Complete(exception);

    /// <summary>How many bytes from the front are whole frames. Ends the looking once the first header block has been seen.</summary>
    private long WholeFrames(ReadOnlySequence<byte> buffer)
    {
        long whole = 0;
        if (!_pastPreface)
        {
            if (buffer.Length < PrefaceBytes) return 0;
            _pastPreface = true;
            whole = PrefaceBytes;
        }

        Span<byte> header = stackalloc byte[FrameHeaderBytes];
        while (buffer.Length - whole >= FrameHeaderBytes)
        {
            buffer.Slice(whole, FrameHeaderBytes).CopyTo(header);
            var length = (header[0] << 16) | (header[1] << 8) | header[2];
            if (length > FrameBytesMax)
            {
                _passing = true;
                return 0;
            }

            if (buffer.Length - whole < FrameHeaderBytes + length) break;
            if (header[3] == Headers)
            {
                Repair(buffer.Slice(whole + FrameHeaderBytes, length), header[4]);
                _passing = true;
                return 0;
            }

            whole += FrameHeaderBytes + length;
        }

        return whole;
    }

    private static void Repair(ReadOnlySequence<byte> payload, byte flags)
    {
        ReadOnlySpan<byte> block = payload.ToArray();
        var at = ((flags & Padded) != 0 ? 1 : 0) + ((flags & Priority) != 0 ? 5 : 0);
        if (!TryFindAuthority(block, at, out var lengthAt)) return;

        var huffman = (block[lengthAt] & 0x80) != 0;
        var length = block[lengthAt] & 0x7f;
        if (length == 0x7f || lengthAt + 1 + length > block.Length) return;
        if (!block.Slice(lengthAt + 1, length).StartsWith(huffman ? HuffmanUrl : "http://"u8)) return;

        Overwrite(payload, lengthAt, (byte)length);
        for (var i = 1; i <= length; i++) Overwrite(payload, lengthAt + i, (byte)'x');
    }

    /// <summary>Finds where the length of the authority's value stands. False: not sent, or as a reference, or the block is broken, which is Kestrel's to say.</summary>
    private static bool TryFindAuthority(ReadOnlySpan<byte> block, int at, out int lengthAt)
    {
        lengthAt = 0;
        while (at < block.Length)
        {
            var first = block[at];
            var isLiteral = (first & 0x80) == 0 && (first & 0xe0) != 0x20;
            var prefixBits = (first & 0x80) != 0 ? 7 : (first & 0xc0) == 0x40 ? 6 : (first & 0xe0) == 0x20 ? 5 : 4;
            if (!TryReadInteger(block, ref at, prefixBits, out var name)) return false;
            if (!isLiteral) continue;
            if (name == 0 && !TrySkipString(block, ref at)) return false;
            if (name == AuthorityIndex)
            {
                lengthAt = at;
                return at < block.Length;
            }

            if (!TrySkipString(block, ref at)) return false;
        }

        return false;
    }

    private static bool TrySkipString(ReadOnlySpan<byte> block, ref int at)
    {
        if (!TryReadInteger(block, ref at, 7, out var length) || length > block.Length - at) return false;
        at += length;
        return true;
    }

    private static bool TryReadInteger(ReadOnlySpan<byte> block, ref int at, int prefixBits, out int value)
    {
        value = 0;
        if (at >= block.Length) return false;
        var mask = (1 << prefixBits) - 1;
        value = block[at++] & mask;
        if (value < mask) return true;
        for (var shift = 0; shift <= 14; shift += 7)
        {
            if (at >= block.Length) return false;
            var next = block[at++];
            value += (next & 0x7f) << shift;
            if ((next & 0x80) == 0) return true;
        }

        return false;
    }

    /// <summary>The bytes lie in the transport's own buffer, which is ours to change until it is handed on.</summary>
    private static void Overwrite(ReadOnlySequence<byte> payload, int at, byte value) => MemoryMarshal.AsMemory(payload.Slice(at, 1).First).Span[0] = value;

    private sealed class Duplex(PipeReader input, PipeWriter output) : IDuplexPipe
    {
        public PipeReader Input => input;

        public PipeWriter Output => output;
    }
}
