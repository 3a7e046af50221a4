using System.Buffers.Text;
using System.Net;
using System.Net.Sockets;
using System.Text;

namespace Conclave.Bench.SelfHeal.Load;

/// <summary>
/// One HTTP/1.1 connection. Ours, since HttpClient repeats a request by itself when a kept connection breaks, which hides just what is to be counted here.
/// </summary>
internal sealed class HttpConnection : IDisposable
{
    private const int LongestKeptBody = 4_096;
    private readonly Socket _socket = new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
    private readonly byte[] _buffer = new byte[64 << 10];
    private int _from;
    private int _to;

    /// <summary>Whether a byte of the present answer has come.</summary>
    public bool Begun { get; private set; }

    /// <summary>Whether another request may follow.</summary>
    public bool Reusable { get; private set; }

    /// <summary>False once the other side has closed it, as far as is known here.</summary>
    public bool IsOpen => !_socket.Poll(0, SelectMode.SelectRead);

    public ValueTask ConnectAsync(IPEndPoint to, CancellationToken cancel) => _socket.ConnectAsync(to, cancel);

    /// <summary>Sends a request and reads its whole answer.</summary>
    /// <returns>The status, and the body when it is short.</returns>
    /// <exception cref="IOException">It broke.</exception>
    public async Task<(int Status, byte[] Body)> ExchangeAsync(ReadOnlyMemory<byte> request, CancellationToken cancel)
    {
        (Begun, Reusable, _from, _to) = (false, false, 0, 0);
        for (var sent = 0; sent < request.Length;)
            sent += await _socket.SendAsync(request[sent..], cancel);

        var head = await HeadAsync(cancel);
        var body = head.Chunked ? await ChunksAsync(cancel) : await BytesAsync(head.Length, cancel);
        Reusable = head.KeepAlive && _from == _to;
        return (head.Status, body);
    }

    public void Dispose() => _socket.Dispose();

    private async Task<Head> HeadAsync(CancellationToken cancel)
    {
        int end;
        while ((end = _buffer.AsSpan(_from, _to - _from).IndexOf("\r\n\r\n"u8)) < 0)
            await FillAsync(cancel);
        var text = Encoding.ASCII.GetString(_buffer, _from, end);
        _from += end + 4;
        var lines = text.Split("\r\n");
        var head = new Head(int.Parse(lines[0].AsSpan(9, 3), System.Globalization.CultureInfo.InvariantCulture), 0, Chunked: false, KeepAlive: true);
        foreach (var line in lines.Skip(1))
        {
            var colon = line.IndexOf(':', StringComparison.Ordinal);
            var value = line.AsSpan(colon + 1).Trim();
            head = line[..colon].ToUpperInvariant() switch
            {
                "CONTENT-LENGTH" => head with { Length = int.Parse(value, System.Globalization.CultureInfo.InvariantCulture) },
                "TRANSFER-ENCODING" => head with { Chunked = true },
                "CONNECTION" when value.Equals("close", StringComparison.OrdinalIgnoreCase) => head with { KeepAlive = false },
                _ => head,
            };
        }

        return head;
    }

    private async Task<byte[]> BytesAsync(int length, CancellationToken cancel)
    {
        var kept = new byte[length <= LongestKeptBody ? length : 0];
        for (var read = 0; read < length;)
        {
            if (_from == _to)
                await FillAsync(cancel);
            var now = Math.Min(length - read, _to - _from);
            if (kept.Length > 0)
                _buffer.AsSpan(_from, now).CopyTo(kept.AsSpan(read));
            read += now;
            _from += now;
        }

        return kept;
    }

    private async Task<byte[]> ChunksAsync(CancellationToken cancel)
    {
        var kept = new MemoryStream();
        while (true)
        {
            int end;
            while ((end = _buffer.AsSpan(_from, _to - _from).IndexOf("\r\n"u8)) < 0)
                await FillAsync(cancel);
            if (!Utf8Parser.TryParse(_buffer.AsSpan(_from, end), out int length, out _, 'x'))
                throw new IOException("a chunk without its length");
            _from += end + 2;
            var chunk = await BytesAsync(length, cancel);
            if (kept.Length + chunk.Length <= LongestKeptBody)
                kept.Write(chunk);
            _ = await BytesAsync(2, cancel);
            if (length == 0)
                return kept.ToArray();
        }
    }

    private async Task FillAsync(CancellationToken cancel)
    {
        if (_from > 0)
        {
            _buffer.AsSpan(_from, _to - _from).CopyTo(_buffer);
            (_from, _to) = (0, _to - _from);
        }

        var read = await _socket.ReceiveAsync(_buffer.AsMemory(_to), cancel);
        if (read == 0)
            throw new IOException("the other side closed the connection");
        _to += read;
        Begun = true;
    }

    private readonly record struct Head(int Status, int Length, bool Chunked, bool KeepAlive);
}
