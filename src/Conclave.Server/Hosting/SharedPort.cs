using System.Buffers;
using System.Collections.Concurrent;
using System.Net;
using System.Threading.Channels;
using Microsoft.AspNetCore.Connections;

namespace Conclave.Server.Hosting;

/// <summary>
/// One cleartext port for HTTP/1.1 and HTTP/2, as etcd's clients expect. Without TLS there is no negotiation, so the first bytes decide: HTTP/2 opens with
/// its preface (RFC 9113 §3.4), nothing in HTTP/1.1 does. The connection itself, not a copy of its bytes, goes to one of two Kestrel endpoints.
/// </summary>
internal sealed class SharedPort : IAsyncDisposable
{
    // Enough of the preface to be sure; the rest is for Kestrel to check.
    private static readonly byte[] Preface = [.. "PRI * HTTP/2.0"u8];

    private readonly IConnectionListener _listener;
    private readonly HttpServerLimits _limits;
    private readonly CancellationTokenSource _closing = new();
    private readonly ConcurrentDictionary<ConnectionContext, Task> _undecided = new();
    private Task _accepting = Task.CompletedTask;

    public SharedPort(IConnectionListener listener, HttpServerLimits limits)
    {
        _listener = listener;
        _limits = limits;
        Http1 = new Side(this);
        Http2 = new Side(this);
    }

    public Side Http1 { get; }

    public Side Http2 { get; }

    public EndPoint EndPoint => _listener.EndPoint;

    /// <summary>From here on connections are taken; before, the system holds them.</summary>
    public void Open() => _accepting = AcceptAsync();

    public async ValueTask DisposeAsync()
    {
        await _closing.CancelAsync();
        await _listener.UnbindAsync();
        await _accepting;
        await Task.WhenAll(_undecided.Values);
        await _listener.DisposeAsync();
        Http1.Close();
        Http2.Close();
        _closing.Dispose();
    }

    private async Task AcceptAsync()
    {
        while (await _listener.AcceptAsync() is { } connection)
        {
            if (_undecided.Count >= _limits.SilentConnectionsMax)
            {
                connection.Abort(new ConnectionAbortedException("too many connections have not said anything yet"));
                await connection.DisposeAsync();
                continue;
            }

            var deciding = DecideAsync(connection);
            if (deciding.IsCompleted) continue;
            _undecided[connection] = deciding;
            if (deciding.IsCompleted) _undecided.TryRemove(connection, out _);
        }
    }

    private async Task DecideAsync(ConnectionContext connection)
    {
        var side = await ReadSideAsync(connection);
        _undecided.TryRemove(connection, out _);
        if (side == Http2) UrlAsAuthority.Apply(connection);
        if (side is null || !side.TryHand(connection)) await connection.DisposeAsync();
    }

    /// <summary>Null: it closed, broke or stayed silent for too long.</summary>
    private async Task<Side?> ReadSideAsync(ConnectionContext connection)
    {
        using var silence = CancellationTokenSource.CreateLinkedTokenSource(_closing.Token);
        silence.CancelAfter(_limits.SilenceMax);
        try
        {
            while (true)
            {
                var result = await connection.Transport.Input.ReadAsync(silence.Token);
                var side = SideFor(result.Buffer);

                // Nothing is consumed; what was looked at is looked at again by whoever gets the connection.
                connection.Transport.Input.AdvanceTo(result.Buffer.Start, side is null ? result.Buffer.End : result.Buffer.Start);
                if (side is not null) return side;
                if (result.IsCompleted) return null;
            }
        }
        catch (OperationCanceledException)
        {
            connection.Abort(new ConnectionAbortedException("the client said nothing"));
            return null;
        }
        catch (IOException)
        {
            return null;
        }
    }

    private Side? SideFor(in ReadOnlySequence<byte> begin)
    {
        var length = (int)Math.Min(begin.Length, Preface.Length);
        Span<byte> first = stackalloc byte[length];
        begin.Slice(0, length).CopyTo(first);
        if (!Preface.AsSpan(0, length).SequenceEqual(first)) return Http1;
        return length == Preface.Length ? Http2 : null;
    }

    /// <summary>What one Kestrel endpoint takes for a listener.</summary>
    internal sealed class Side(SharedPort port) : IConnectionListener
    {
        private readonly Channel<ConnectionContext> _connections = Channel.CreateUnbounded<ConnectionContext>();

        public EndPoint EndPoint => port.EndPoint;

        public bool TryHand(ConnectionContext connection) => _connections.Writer.TryWrite(connection);

        public void Close() => _connections.Writer.TryComplete();

        public async ValueTask<ConnectionContext?> AcceptAsync(CancellationToken cancellationToken = default) =>
            await _connections.Reader.WaitToReadAsync(cancellationToken) && _connections.Reader.TryRead(out var connection) ? connection : null;

        public ValueTask UnbindAsync(CancellationToken cancellationToken = default)
        {
            Close();
            return ValueTask.CompletedTask;
        }

        public async ValueTask DisposeAsync()
        {
            Close();
            while (_connections.Reader.TryRead(out var connection)) await connection.DisposeAsync();
        }
    }
}
