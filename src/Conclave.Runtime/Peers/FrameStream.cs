using System.Net.Sockets;
using Conclave.Wire.Peers;

namespace Conclave.Runtime.Peers;

/// <summary>Takes frames off a socket.</summary>
internal sealed class FrameStream(Socket socket)
{
    private const int KeptBytes = 64 << 10;
    private byte[] _buffer = new byte[KeptBytes];
    private int _from;
    private int _to;

    /// <summary>Reads until at least one whole frame is here; false when the other side has ended.</summary>
    /// <exception cref="PeerFrameException">Over the limit.</exception>
    public async ValueTask<bool> FillAsync(CancellationToken cancel)
    {
        while (!HasFrame())
        {
            MakeRoom();
            var read = await socket.ReceiveAsync(_buffer.AsMemory(_to), cancel).ConfigureAwait(false);
            if (read == 0)
                return false;
            _to += read;
        }

        return true;
    }

    /// <summary>Hands every whole frame that is here to <paramref name="take"/>.</summary>
    /// <exception cref="PeerFrameException">Damaged, or refused by <paramref name="take"/>.</exception>
    public void Drain(Action<ReadOnlySpan<byte>> take)
    {
        ReadOnlySpan<byte> rest = _buffer.AsSpan(_from, _to - _from);
        while (PeerFrame.TryRead(ref rest, out var payload))
        {
            _from = _to - rest.Length;
            take(payload);
        }

        Shrink();
    }

    /// <summary>The next frame alone, as a copy; null when the other side has ended.</summary>
    public async ValueTask<byte[]?> ReadOneAsync(CancellationToken cancel)
    {
        if (!await FillAsync(cancel).ConfigureAwait(false))
            return null;
        ReadOnlySpan<byte> rest = _buffer.AsSpan(_from, _to - _from);
        PeerFrame.TryRead(ref rest, out var payload);
        _from = _to - rest.Length;
        return payload.ToArray();
    }

    private bool HasFrame()
    {
        var here = _to - _from;
        return here >= PeerFrame.HeaderBytes && here - PeerFrame.HeaderBytes >= PeerFrame.PayloadLength(_buffer.AsSpan(_from));
    }

    private void MakeRoom()
    {
        if (_to < _buffer.Length)
            return;
        var here = _to - _from;
        if (_from > 0)
            _buffer.AsSpan(_from, here).CopyTo(_buffer);
        else
            Array.Resize(ref _buffer, Math.Min(_buffer.Length * 2, PeerFrame.HeaderBytes + PeerFrame.MaxPayloadBytes)); // by what came, not by what a header claims
        (_from, _to) = (0, here);
    }

    private void Shrink()
    {
        if (_from == _to)
            (_from, _to) = (0, 0);
        if (_to == 0 && _buffer.Length > 16 * KeptBytes)
            _buffer = new byte[KeptBytes];
    }
}
