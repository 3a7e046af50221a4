using System.Net.Sockets;
using Conclave.Consensus;
using Conclave.Wire.Peers;
using Microsoft.Extensions.Logging;

namespace Conclave.Runtime.Peers;

/// <summary>Accepts the streams on which other members speak to this one.</summary>
internal sealed class PeerListener : IDisposable
{
    private const int Backlog = 64;
    private static readonly TimeSpan GreetingTimeout = TimeSpan.FromSeconds(5);

    private readonly ulong _cluster;
    private readonly PeerId _self;
    private readonly HashSet<PeerId> _peers;
    private readonly KnownDirectories _directories;
    private readonly IPeerEvents _events;
    private readonly ILogger _log;
    private readonly List<(Socket Socket, string? Path)> _sockets = [];
    private readonly int _maxStreams;
    private int _streams;

    public PeerListener(ulong cluster, PeerId self, IEnumerable<PeerId> peers, KnownDirectories directories, IPeerEvents events, ILogger log)
    {
        _cluster = cluster;
        _self = self;
        _peers = [.. peers];
        _directories = directories;
        _maxStreams = 4 * (_peers.Count + 4); // a broken stream may linger beside its successor
        _events = events;
        _log = log;
    }

    /// <summary>Takes the addresses. Separate from <see cref="RunAsync"/>, so that an address in use is known at the start.</summary>
    /// <exception cref="IOException">One is in use or not ours; the message names it.</exception>
    public async Task BindAsync(IEnumerable<PeerAddress> addresses, CancellationToken cancel)
    {
        foreach (var address in addresses)
        {
            try
            {
                if (address.SocketPath is { } path)
                    await RemoveDeadSocketAsync(address, path, cancel).ConfigureAwait(false);
                var socket = address.NewSocket();
                _sockets.Add((socket, address.SocketPath));
                socket.Bind(await address.ToListenEndPointAsync(cancel).ConfigureAwait(false));
                socket.Listen(Backlog);
            }
            catch (SocketException refused)
            {
                var why = refused.SocketErrorCode == SocketError.AddressAlreadyInUse ? "the address is in use by another process" : refused.Message;
                throw new IOException($"cannot listen for peers on {address}: {why}", refused);
            }
        }
    }

    /// <summary>Serves until cancelled.</summary>
    public Task RunAsync(CancellationToken cancel) => Task.WhenAll(_sockets.Select(s => AcceptAsync(s.Socket, cancel)));

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (var (socket, path) in _sockets)
        {
            socket.Dispose();
            if (path is not null)
                File.Delete(path);
        }

        _sockets.Clear();
    }

    private async Task AcceptAsync(Socket listener, CancellationToken cancel)
    {
        var streams = new HashSet<Task>();
        try
        {
            while (true)
            {
                var socket = await listener.AcceptAsync(cancel).ConfigureAwait(false);
                streams.RemoveWhere(t => t.IsCompleted);
                if (Interlocked.Increment(ref _streams) > _maxStreams)
                {
                    Interlocked.Decrement(ref _streams);
                    socket.Dispose();
                    continue;
                }

                streams.Add(ServeAsync(socket, cancel));
            }
        }
        finally
        {
            await Task.WhenAll(streams).ConfigureAwait(false);
        }
    }

    private async Task ServeAsync(Socket socket, CancellationToken cancel)
    {
        using var owned = socket;
        try
        {
            var frames = new FrameStream(socket);
            if (await WelcomeAsync(socket, frames, cancel).ConfigureAwait(false) is { } from)
                await ReceiveAsync(frames, from, cancel).ConfigureAwait(false);
        }
        catch (PeerFrameException e)
        {
            Log.PeerNotUnderstood(_log, e.Message);
        }
        catch (Exception e) when (e is SocketException or OperationCanceledException)
        {
            // The stream is over; the other side opens a new one when it wants.
        }
        finally
        {
            Interlocked.Decrement(ref _streams);
        }
    }

    private async Task<PeerId?> WelcomeAsync(Socket socket, FrameStream frames, CancellationToken cancel)
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancel);
        limit.CancelAfter(GreetingTimeout);
        if (await frames.ReadOneAsync(limit.Token).ConfigureAwait(false) is not { } payload)
            return null;
        var hello = PeerHello.Read(payload);
        var welcome = Answer(hello);
        await socket.SendAsync(PeerFrame.Of(welcome.ToBytes()), limit.Token).ConfigureAwait(false);
        if (welcome.Answer == PeerAnswer.Welcome)
            return new PeerId(hello.From);
        Log.PeerRefusedByUs(_log, new PeerId(hello.From), welcome.Refusal);
        return null;
    }

    private PeerWelcome Answer(PeerHello hello)
    {
        if (RefusalOf(hello) is { Length: > 0 } refusal)
            return new PeerWelcome(PeerAnswer.Refused, _directories.Own, refusal);
        var from = new PeerId(hello.From);
        if (_directories.Meet(from, hello.Directory) is { } replaced)
            return new PeerWelcome(PeerAnswer.DirectoryReplaced, _directories.Own, replaced);
        return _directories.Learn(from, hello.Known)
            ? new PeerWelcome(PeerAnswer.Welcome, _directories.Own, "")
            : new PeerWelcome(PeerAnswer.Refused, _directories.Own, $"member {_self} has lost its data directory");
    }

    private string RefusalOf(PeerHello hello)
    {
        if (hello.Version != PeerHello.CurrentVersion)
            return $"member {_self} speaks peer version {PeerHello.CurrentVersion}, not {hello.Version}";
        if (hello.Cluster != _cluster)
            return $"member {_self} belongs to cluster {_cluster:x}, not to {hello.Cluster:x}";
        if (hello.To != _self.Value)
            return $"this is member {_self}, not {hello.To:x}";
        return _peers.Contains(new PeerId(hello.From)) ? "" : $"member {_self} knows no peer {hello.From:x}";
    }

    private async Task ReceiveAsync(FrameStream frames, PeerId from, CancellationToken cancel)
    {
        while (await frames.FillAsync(cancel).ConfigureAwait(false))
            frames.Drain(payload => _events.Received(from, PeerCodec.Read(payload)));
    }

    /// <summary>A process that was killed leaves the file of its Unix socket behind. One that lives answers.</summary>
    private static async Task RemoveDeadSocketAsync(PeerAddress address, string path, CancellationToken cancel)
    {
        if (!File.Exists(path))
            return;
        using var probe = address.NewSocket();
        try
        {
            await probe.ConnectAsync(address.ToEndPoint(), cancel).ConfigureAwait(false);
        }
        catch (SocketException)
        {
            File.Delete(path);
            return;
        }

        throw new SocketException((int)SocketError.AddressAlreadyInUse);
    }
}
