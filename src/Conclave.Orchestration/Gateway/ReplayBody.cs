using System.Buffers;

namespace Conclave.Orchestration.Gateway;

/// <summary>
/// A request body that can be read again from its start for as long as what was read fits a limit. Beyond it the copy is dropped and
/// the body streams through.
/// </summary>
internal sealed class ReplayBody(Stream source, int limit) : Stream
{
    private byte[] _kept = [];
    private int _keptLength;
    private int _position;

    /// <summary>Whether everything read so far can be read again.</summary>
    public bool Kept { get; private set; } = true;

    /// <summary>The next read starts over; only while <see cref="Kept"/>.</summary>
    public void Rewind() => _position = 0;

    public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        if (_position < _keptLength)
        {
            var again = Math.Min(buffer.Length, _keptLength - _position);
            _kept.AsMemory(_position, again).CopyTo(buffer);
            _position += again;
            return again;
        }

        var read = await source.ReadAsync(buffer, cancellationToken);
        Keep(buffer.Span[..read]);
        return read;
    }

    public override Task<int> ReadAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) =>
        ReadAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();

    private void Keep(ReadOnlySpan<byte> bytes)
    {
        if (!Kept || bytes.IsEmpty) return;
        if (_keptLength + bytes.Length > limit)
        {
            Kept = false;
            Release();
            return;
        }

        if (_keptLength + bytes.Length > _kept.Length)
        {
            var larger = ArrayPool<byte>.Shared.Rent(Math.Max(_keptLength + bytes.Length, _kept.Length * 2));
            _kept.AsSpan(0, _keptLength).CopyTo(larger);
            if (_kept.Length > 0) ArrayPool<byte>.Shared.Return(_kept);
            _kept = larger;
        }

        bytes.CopyTo(_kept.AsSpan(_keptLength));
        _keptLength += bytes.Length;
        _position = _keptLength;
    }

    private void Release()
    {
        if (_kept.Length > 0) ArrayPool<byte>.Shared.Return(_kept);
        _kept = [];
        _keptLength = _position = 0;
    }

    /// <summary>Gives the copy back. The source belongs to the server.</summary>
    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            Kept = false;
            Release();
        }

        base.Dispose(disposing);
    }

    public override bool CanRead => true;

    public override bool CanSeek => false;

    public override bool CanWrite => false;

    public override long Length => throw new NotSupportedException();

    public override long Position
    {
        get => throw new NotSupportedException();
        set => throw new NotSupportedException();
    }

    public override void Flush() { }

    public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    public override void SetLength(long value) => throw new NotSupportedException();

    public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();
}
