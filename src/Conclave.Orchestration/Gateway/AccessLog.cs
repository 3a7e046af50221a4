using System.Threading.Channels;
using Microsoft.Extensions.Logging;

namespace Conclave.Orchestration.Gateway;

/// <summary>
/// Collects lines in memory and appends them to a file in batches. A request pays for a short lock; a slow disk costs lines, never
/// requests. Formatting allocates nothing: thousands of lines as one string would be a large object, whose collection stops all requests.
/// </summary>
internal sealed class AccessLog(GatewayAccessLogOptions options, ILogger log)
{
    /// <summary>Below the size from which arrays are large objects.</summary>
    private const int Block = 64 << 10;

    private readonly Lock _gate = new();
    private readonly Channel<bool> _some = Channel.CreateBounded<bool>(1);
    private AccessLine[] _filling = new AccessLine[options.BufferLines];
    private AccessLine[] _spare = new AccessLine[options.BufferLines];
    private int _count;
    private long _dropped;

    public long Dropped => Volatile.Read(ref _dropped);

    public void Add(in AccessLine line)
    {
        bool first;
        lock (_gate)
        {
            if (_count == _filling.Length)
            {
                _dropped++;
                return;
            }

            first = _count == 0;
            _filling[_count++] = line;
        }

        if (first) _some.Writer.TryWrite(true);
    }

    /// <summary>Writes until stopped, then what is left.</summary>
    public async Task RunAsync(CancellationToken stopping)
    {
        var block = new byte[Block];
        while (true)
        {
            try
            {
                await _some.Reader.ReadAsync(stopping);
                await Task.Delay(options.Interval, stopping);
            }
            catch (OperationCanceledException)
            {
                await WriteAsync(block);
                return;
            }

            await WriteAsync(block);
        }
    }

    private async Task WriteAsync(byte[] block)
    {
        int count;
        lock (_gate)
        {
            (_filling, _spare) = (_spare, _filling);
            (count, _count) = (_count, 0);
        }

        if (count == 0) return;
        var written = 0;
        try
        {
            await using var file = Open();
            while (written < count)
            {
                var (bytes, lines) = Format(block, _spare.AsSpan(written, count - written));
                await file.WriteAsync(block.AsMemory(0, bytes));
                written += lines;
            }
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // A full disk must not stop the gateway; the lines are lost and counted.
            Interlocked.Add(ref _dropped, count - written);
            log.AccessLogFailed(options.Path, e.Message);
        }

        Array.Clear(_spare, 0, count);
    }

    private FileStream Open()
    {
        var file = new FileInfo(options.Path);
        if (file.Exists && file.Length >= options.FileBytes) File.Move(options.Path, options.Path + ".1", overwrite: true);
        return new FileStream(options.Path, FileMode.Append, FileAccess.Write, FileShare.ReadWrite | FileShare.Delete, bufferSize: 0);
    }

    /// <summary>As many lines as the block has room for, at least one.</summary>
    private static (int Bytes, int Lines) Format(Span<byte> block, ReadOnlySpan<AccessLine> lines)
    {
        var (bytes, count) = (0, 0);
        while (count < lines.Length && block.Length - bytes >= AccessLine.BytesMax)
            bytes += lines[count++].Format(block[bytes..]);
        return (bytes, count);
    }
}
