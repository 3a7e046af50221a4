using System.Threading.Channels;
using Conclave.Wire.Grpc;

namespace Conclave.Wire.Etcd;

/// <summary>
/// One stream that carries the renewals of all leases of a client. It opens with the first renewal, follows the client to another endpoint,
/// and when it breaks every renewal waiting on it learns so.
/// </summary>
internal sealed class KeepAliveStream : IAsyncDisposable
{
    private readonly Lock _gate = new();
    private Session? _session;
    private bool _disposed;

    public async Task<LeaseKeepAliveResponse> RenewAsync(GrpcChannel channel, long id, TimeSpan timeout, CancellationToken cancellation)
    {
        var session = SessionOn(channel);
        var answer = session.Ask(id);
        try
        {
            return await answer.WaitAsync(timeout, cancellation).ConfigureAwait(false);
        }
        catch (TimeoutException e)
        {
            // The server hangs, and whoever else waits on this stream waits in vain: end it for all.
            var late = new GrpcException(GrpcStatus.DeadlineExceeded, "context deadline exceeded", e);
            session.End(late);
            throw late;
        }
    }

    public async ValueTask DisposeAsync()
    {
        Session? session;
        lock (_gate)
        {
            _disposed = true;
            session = _session;
        }

        if (session is null) return;
        session.End(new GrpcException(GrpcStatus.Cancelled, "the client is disposed"));
        await session.Running.ConfigureAwait(false);
    }

    private Session SessionOn(GrpcChannel channel)
    {
        lock (_gate)
        {
            ObjectDisposedException.ThrowIf(_disposed, typeof(EtcdClient));
            if (_session is { HasEnded: false } session && session.Channel == channel) return session;

            // The one before, if it still stands, ends when its last answers are in.
            _session?.Drain();
            return _session = new Session(channel);
        }
    }

#pragma warning disable CA1001 // _over has no timer and no wait handle: nothing to give back, and disposing it would race with End.
    private sealed class Session
#pragma warning restore CA1001
    {
        private readonly Lock _gate = new();
        private readonly Dictionary<long, Queue<TaskCompletionSource<LeaseKeepAliveResponse>>> _waiting = [];
        private readonly Channel<long> _ids = System.Threading.Channels.Channel.CreateUnbounded<long>(new UnboundedChannelOptions { SingleReader = true });
        private readonly CancellationTokenSource _over = new();
        private GrpcException? _end;

        public Session(GrpcChannel channel)
        {
            Channel = channel;
            Running = RunAsync();
        }

        public GrpcChannel Channel { get; }

        /// <summary>Completes, never with an exception, when the stream is closed and nobody waits any more.</summary>
        public Task Running { get; }

        public bool HasEnded => Volatile.Read(ref _end) is not null;

        public Task<LeaseKeepAliveResponse> Ask(long id)
        {
            lock (_gate)
            {
                if (_end is not null) return Task.FromException<LeaseKeepAliveResponse>(_end);
                var answer = new TaskCompletionSource<LeaseKeepAliveResponse>(TaskCreationOptions.RunContinuationsAsynchronously);
                if (!_waiting.TryGetValue(id, out var queue)) _waiting[id] = queue = new();
                queue.Enqueue(answer);
                _ids.Writer.TryWrite(id);
                return answer.Task;
            }
        }

        public void Drain() => _ids.Writer.TryComplete();

        public void End(GrpcException reason)
        {
            List<TaskCompletionSource<LeaseKeepAliveResponse>> left;
            lock (_gate)
            {
                if (_end is not null) return;
                _end = reason;
                left = [.. _waiting.Values.SelectMany(queue => queue)];
                _waiting.Clear();
            }

            foreach (var answer in left)
            {
                answer.TrySetException(reason);
                _ = answer.Task.Exception;
            }

            _over.Cancel();
        }

        private async Task RunAsync()
        {
            var call = Channel.Open(EtcdMethods.LeaseKeepAlive, metadata: null, _over.Token);
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
                End(new GrpcException(GrpcStatus.Cancelled, "the stream of renewals was closed", e));
            }
        }

        private async Task SendAllAsync(GrpcDuplexCall<LeaseKeepAliveRequest, LeaseKeepAliveResponse> call)
        {
            await foreach (var id in _ids.Reader.ReadAllAsync(_over.Token).ConfigureAwait(false))
                await call.WriteAsync(new LeaseKeepAliveRequest { ID = id }, _over.Token).ConfigureAwait(false);
            call.CompleteRequests();
        }

        private async Task ReadAllAsync(GrpcDuplexCall<LeaseKeepAliveRequest, LeaseKeepAliveResponse> call)
        {
            while (await call.ReadAsync(_over.Token).ConfigureAwait(false) is { } response)
            {
                TaskCompletionSource<LeaseKeepAliveResponse>? answer = null;
                lock (_gate)
                {
                    if (_waiting.TryGetValue(response.ID, out var queue))
                    {
                        answer = queue.Dequeue();
                        if (queue.Count == 0) _waiting.Remove(response.ID);
                    }
                }

                answer?.TrySetResult(response);
            }

            throw new GrpcException(GrpcStatus.Unavailable, "the server closed the stream of renewals");
        }
    }
}
