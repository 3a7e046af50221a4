using System.Buffers;
using System.Net.Sockets;
using Conclave.Consensus;
using Conclave.Store;
using Conclave.Wire.Peers;
using Microsoft.Extensions.Logging;

namespace Conclave.Runtime.Peers;

/// <summary>
/// The stream on which this member speaks to one other. It reconnects at once when it breaks, then with growing pauses. What cannot be sent is
/// dropped, because the algorithm above repeats what matters and a queue would only grow old. Thread-safe.
/// </summary>
internal sealed class PeerLink
{
    private static readonly TimeSpan ConnectTimeout = TimeSpan.FromSeconds(2);
    private static readonly int[] PausesInMilliseconds = [0, 5, 10, 20, 50, 100, 200, 500];

    private readonly PeerHello _hello;
    private readonly KnownDirectories _directories;
    private readonly PeerId _to;
    private readonly PeerAddress[] _addresses;
    private readonly IPeerEvents _events;
    private readonly ILogger _log;
    private readonly int _maxQueuedBytes;
    private readonly Lock _gate = new();
    private ArrayBufferWriter<byte> _pending = new();
    private ArrayBufferWriter<byte> _leaving = new();
    private Socket? _socket;
    private bool _sending;

    /// <summary>To the peer that <paramref name="hello"/> names; what is known of directories is filled in at each greeting.</summary>
    public PeerLink(PeerHello hello, KnownDirectories directories, IEnumerable<PeerAddress> addresses, int maxQueuedBytes, IPeerEvents events, ILogger log)
    {
        _hello = hello;
        _directories = directories;
        _to = new PeerId(hello.To);
        _addresses = [.. addresses];
        _maxQueuedBytes = maxQueuedBytes;
        _events = events;
        _log = log;
    }

    /// <summary>Sends from the calling thread when the socket takes it at once, else as soon as it does.</summary>
    public void Send(PeerMessage message)
    {
        lock (_gate)
        {
            if (_socket is null || _pending.WrittenCount >= _maxQueuedBytes)
                return;
            PeerCodec.WriteFrame(_pending, message);
            if (_sending)
                return;
            _sending = true;
        }

        _ = DrainAsync(); // never throws: a failure closes the socket, which RunAsync sees
    }

    /// <summary>Keeps the stream open until cancelled.</summary>
    public async Task RunAsync(CancellationToken cancel)
    {
        var attempt = 0;
        while (true)
        {
            await Task.Delay(PausesInMilliseconds[Math.Min(attempt, PausesInMilliseconds.Length - 1)], cancel).ConfigureAwait(false);
            if (await TryConnectAsync(_addresses[attempt % _addresses.Length], attempt, cancel).ConfigureAwait(false) is not { } socket)
            {
                attempt++;
                continue;
            }

            attempt = 0;
            using (socket)
            {
                Open(socket);
                try
                {
                    await UntilBrokenAsync(socket, cancel).ConfigureAwait(false);
                }
                finally
                {
                    Close(socket);
                }
            }
        }
    }

    private async Task<Socket?> TryConnectAsync(PeerAddress address, int attempt, CancellationToken cancel)
    {
        var socket = address.NewSocket();
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancel);
        limit.CancelAfter(ConnectTimeout);
        try
        {
            await socket.ConnectAsync(address.ToEndPoint(), limit.Token).ConfigureAwait(false);
            await GreetAsync(socket, limit.Token).ConfigureAwait(false);
            return socket;
        }
        catch (SocketException e)
        {
            socket.Dispose();
            if (IsRefusal(address, e))
                _events.PeerRefused(_to);
            if (attempt == 0)
                Log.CannotReachPeer(_log, _to, address, e.Message);
        }
        catch (PeerFrameException e)
        {
            socket.Dispose();
            Log.PeerTurnedUsAway(_log, _to, address, e.Message);
        }
        catch (OperationCanceledException) when (!cancel.IsCancellationRequested)
        {
            socket.Dispose();
            if (attempt == 0)
                Log.CannotReachPeer(_log, _to, address, "no answer in time");
        }
        catch
        {
            socket.Dispose();
            throw;
        }

        return null;
    }

    private async Task GreetAsync(Socket socket, CancellationToken cancel)
    {
        await socket.SendAsync(PeerFrame.Of((_hello with { Known = _directories.All() }).ToBytes()), cancel).ConfigureAwait(false);
        var answer = await new FrameStream(socket).ReadOneAsync(cancel).ConfigureAwait(false)
            ?? throw new SocketException((int)SocketError.ConnectionReset);
        var welcome = PeerWelcome.Read(answer);
        if (welcome.Answer == PeerAnswer.DirectoryReplaced)
            _directories.End(new DirectoryReplacedException(new PeerId(_hello.From), _to));
        if (welcome.Answer != PeerAnswer.Welcome)
            throw new PeerFrameException(welcome.Refusal);
        if (_directories.Meet(_to, welcome.Directory) is { } refusal)
            throw new PeerFrameException(refusal); // it hears of it on its own stream to us
    }

    private void Open(Socket socket)
    {
        lock (_gate)
        {
            _pending.ResetWrittenCount();
            _socket = socket;
        }

        _events.PeerConnected(_to);
        Log.PeerConnected(_log, _to);
    }

    private void Close(Socket socket)
    {
        lock (_gate)
            _socket = null;
        socket.Dispose();
        Log.PeerLost(_log, _to);
    }

    /// <summary>The other side never speaks on this stream again, so whatever a read returns is its end. It tells of a dead process at once.</summary>
    private static async Task UntilBrokenAsync(Socket socket, CancellationToken cancel)
    {
        try
        {
            await socket.ReceiveAsync(new byte[1], cancel).ConfigureAwait(false);
        }
        catch (SocketException)
        {
            // Broken, as expected of every stream some day.
        }
        catch (ObjectDisposedException)
        {
            // Closed by a send that failed.
        }
    }

    /// <summary>
    /// Sends what waits until nothing does. What is taken is sent on the stream that was open when it was said, or lost with it: the other side may have had it whole before the
    /// stream broke, and a forwarded proposal that came twice would be carried out twice.
    /// </summary>
    private async Task DrainAsync()
    {
        Socket? broken = null;
        while (TryTake(broken) is { } socket)
        {
            try
            {
                for (var rest = _leaving.WrittenMemory; !rest.IsEmpty;)
                    rest = rest[await socket.SendAsync(rest).ConfigureAwait(false)..];
            }
            catch (Exception e) when (e is SocketException or ObjectDisposedException)
            {
                broken = socket;
                socket.Dispose();
            }

            _leaving = _leaving.Capacity > _maxQueuedBytes / 4 ? new ArrayBufferWriter<byte>() : Emptied(_leaving);
        }
    }

    /// <summary>Moves what waits to what is leaving, and says on which stream; null, and sending is over, when there is nothing or no other stream than the broken one.</summary>
    private Socket? TryTake(Socket? broken)
    {
        lock (_gate)
        {
            if (_pending.WrittenCount == 0 || _socket is null || _socket == broken)
            {
                _sending = false;
                return null;
            }

            (_pending, _leaving) = (_leaving, _pending);
            return _socket;
        }
    }

    private static ArrayBufferWriter<byte> Emptied(ArrayBufferWriter<byte> buffer)
    {
        buffer.ResetWrittenCount();
        return buffer;
    }

    /// <summary>Nobody listens: the address answered no, or the Unix socket's file is not there.</summary>
    private static bool IsRefusal(PeerAddress address, SocketException e) => e.SocketErrorCode switch
    {
        SocketError.ConnectionRefused => true,
        SocketError.AddressNotAvailable => address.SocketPath is not null, // what .NET makes of ENOENT
        _ => false,
    };
}

/// <summary>What the streams between members tell. Called on any thread.</summary>
internal interface IPeerEvents
{
    /// <summary>A message arrived.</summary>
    void Received(PeerId from, PeerMessage message);

    /// <summary>This member's own stream to the peer is open.</summary>
    void PeerConnected(PeerId peer);

    /// <summary>No process listens at the peer's address.</summary>
    void PeerRefused(PeerId peer);
}
