using System.Threading.Channels;
using Conclave.Wire.Grpc;

namespace Conclave.Wire.Etcd;

/// <summary>
/// One stream per endpoint that carries all watches of a client on it: a stream of its own for each would cost some ten kilobytes, on both sides. It opens with the first watch and stays;
/// when it breaks every watch on it learns so and is opened again by its own <see cref="WatchSession"/>.
/// </summary>
internal sealed class WatchStream(int backlogMax, TimeProvider time) : IAsyncDisposable
{
    // etcd then ends the stream, instead of leaving it silent, when the member it is on loses its leader.
    private static readonly Dictionary<string, string> RequireLeader = new(StringComparer.Ordinal) { ["hasleader"] = "true" };

    private readonly Lock _gate = new();
    private readonly Dictionary<GrpcChannel, Session> _sessions = [];
    private bool _disposed;

    /// <summary>Asks for a watch. Its first response says <c>created</c>, or why it was refused.</summary>
    public Watch Open(GrpcChannel channel, WatchCreateRequest request)
    {
        lock (_gate)
        {
            ObjectDisposedException.ThrowIf(_disposed, typeof(EtcdClient));
            if (!_sessions.TryGetValue(channel, out var session) || session.HasEnded)
                _sessions[channel] = session = new Session(channel, time);
            return session.Open(request, backlogMax);
        }
    }

    public async ValueTask DisposeAsync()
    {
        Session[] sessions;
        lock (_gate)
        {
            _disposed = true;
            sessions = [.. _sessions.Values];
        }

        foreach (var session in sessions)
        {
            session.End(new GrpcException(GrpcStatus.Cancelled, "the client is disposed"));
            await session.Running.ConfigureAwait(false);
        }
    }

    /// <summary>One watch on the stream. One reader; disposing cancels it, the others go on.</summary>
    internal sealed class Watch : IDisposable
    {
        private readonly Session _session;
        private readonly Channel<WatchResponse> _responses;

        internal Watch(Session session, int backlogMax)
        {
            _session = session;
            _responses = Channel.CreateBounded<WatchResponse>(new BoundedChannelOptions(backlogMax) { SingleReader = true, SingleWriter = true });
        }

        /// <summary>The server's number for it; null until it is created. Guarded by the session.</summary>
        internal long? Id { get; set; }

        /// <summary>Nobody reads it any more. Guarded by the session.</summary>
        internal bool IsLeft { get; set; }

        /// <summary>The reader was so far behind that responses were dropped: what was read before is whole, and what follows must be asked for again.</summary>
        public bool IsBehind { get; private set; }

        /// <exception cref="ChannelClosedException">The stream ended, or the reader is behind; see <see cref="ReasonOf"/>.</exception>
        public ValueTask<WatchResponse> ReadAsync(CancellationToken cancellation) => _responses.Reader.ReadAsync(cancellation);

        public static GrpcException ReasonOf(ChannelClosedException closed) => (GrpcException)closed.InnerException!;

        /// <summary>Since the server last said anything to anybody on the stream, or since the stream was asked for.</summary>
        public TimeSpan StreamIsSilentFor => _session.IsSilentFor;

        /// <summary>The server hangs, and whoever else is on this stream waits in vain: ends it for all.</summary>
        public void EndStream(GrpcException reason) => _session.End(reason);

        public void Dispose() => _session.Leave(this);

        internal void Take(WatchResponse response)
        {
            if (_responses.Writer.TryWrite(response)) return;
            IsBehind = true;
            _responses.Writer.TryComplete(new GrpcException(GrpcStatus.Cancelled, "the reader of the watch is behind"));
            _session.Leave(this);
        }

        internal void Fail(GrpcException reason) => _responses.Writer.TryComplete(reason);
    }

#pragma warning disable CA1001 // _over has no timer and no wait handle: nothing to give back, and disposing it would race with End.
    internal sealed class Session
#pragma warning restore CA1001
    {
        private readonly GrpcChannel _channel;
        private readonly Lock _gate = new();

        // The server answers creations in the order in which they were sent, so the numbers it gives need not be ours.
        private readonly Queue<Watch> _asked = [];
        private readonly Dictionary<long, Watch> _watches = [];
        private readonly Channel<WatchRequest> _requests = Channel.CreateUnbounded<WatchRequest>(new UnboundedChannelOptions { SingleReader = true });
        private readonly CancellationTokenSource _over = new();
        private GrpcException? _end;
        private readonly TimeProvider _time;
        private long _heard;

        public Session(GrpcChannel channel, TimeProvider time)
        {
            (_channel, _time) = (channel, time);
            _heard = time.GetTimestamp();
            Running = RunAsync();
        }

        /// <summary>Completes, never with an exception, when the stream is closed and nobody reads from it any more.</summary>
        public Task Running { get; }

        public TimeSpan IsSilentFor => _time.GetElapsedTime(Volatile.Read(ref _heard));

        public bool HasEnded => Volatile.Read(ref _end) is not null;

        public Watch Open(WatchCreateRequest request, int backlogMax)
        {
            var watch = new Watch(this, backlogMax);
            lock (_gate)
            {
                if (_end is not null)
                {
                    watch.Fail(_end);
                    return watch;
                }

                _asked.Enqueue(watch);
                _requests.Writer.TryWrite(new WatchRequest { CreateRequest = request });
            }

            return watch;
        }

        public void Leave(Watch watch)
        {
            lock (_gate)
            {
                if (watch.IsLeft) return;
                watch.IsLeft = true;
                if (watch.Id is { } id && _watches.Remove(id)) Cancel(id);
            }
        }

        public void End(GrpcException reason)
        {
            List<Watch> left;
            lock (_gate)
            {
                if (_end is not null) return;
                _end = reason;
                left = [.. _asked, .. _watches.Values];
                _asked.Clear();
                _watches.Clear();
            }

            foreach (var watch in left) watch.Fail(reason);
            _over.Cancel();
        }

        private async Task RunAsync()
        {
            var call = _channel.Open(EtcdMethods.Watch, RequireLeader, _over.Token);
            await using (call.ConfigureAwait(false))
            {
                await Task.WhenAll(EndOnFailureAsync(SendAllAsync(call)), EndOnFailureAsync(ReadAllAsync(call))).ConfigureAwait(false);
            }
        }

        private async Task EndOnFailureAsync(Task half)
        {
            try
            {
                await half.ConfigureAwait(false);
            }
            catch (GrpcException e)
            {
                End(e);
            }
            catch (OperationCanceledException e)
            {
                End(new GrpcException(GrpcStatus.Cancelled, "the stream of watches was closed", e));
            }
        }

        private async Task SendAllAsync(GrpcDuplexCall<WatchRequest, WatchResponse> call)
        {
            await foreach (var request in _requests.Reader.ReadAllAsync(_over.Token).ConfigureAwait(false))
                await call.WriteAsync(request, _over.Token).ConfigureAwait(false);
        }

        private async Task ReadAllAsync(GrpcDuplexCall<WatchRequest, WatchResponse> call)
        {
            while (await call.ReadAsync(_over.Token).ConfigureAwait(false) is { } response)
            {
                Volatile.Write(ref _heard, _time.GetTimestamp());
                WatchOf(response)?.Take(response);
            }

            throw new GrpcException(GrpcStatus.Unavailable, "the server closed the stream of watches");
        }

        /// <summary>Whose it is; null when that one has left.</summary>
        private Watch? WatchOf(WatchResponse response)
        {
            lock (_gate)
            {
                Watch? watch;
                if (!response.Created)
                {
                    _watches.TryGetValue(response.WatchId, out watch);
                    if (response.Canceled) _watches.Remove(response.WatchId);
                    return watch;
                }

                // A refused creation has no number, or that of another watch.
                if (_asked.TryDequeue(out watch) && !response.Canceled)
                {
                    watch.Id = response.WatchId;
                    if (watch.IsLeft) Cancel(response.WatchId);
                    else _watches[response.WatchId] = watch;
                }

                return watch is { IsLeft: false } ? watch : null;
            }
        }

        private void Cancel(long id) => _requests.Writer.TryWrite(new WatchRequest { CancelRequest = new WatchCancelRequest { WatchId = id } });
    }
}
