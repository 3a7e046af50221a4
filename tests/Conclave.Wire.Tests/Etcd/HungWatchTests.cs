using Conclave.Wire.Etcd;
using Conclave.Wire.Grpc;
using Conclave.Wire.Tests.Grpc;
using Google.Protobuf;

namespace Conclave.Wire.Tests.Etcd;

/// <summary>A server that takes a watch and falls silent, on a clock that the test moves.</summary>
public sealed class HungWatchTests
{
    private static readonly TimeSpan Deadline = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(10);

    [Fact]
    public async Task A_server_that_hangs_is_left_when_it_was_silent_for_as_long_as_a_request_may_take()
    {
        var time = new HandTime();
        await using var server = new HangingServer();
        await using var client = new EtcdClient(new EtcdClientOptions { Endpoints = [server.Endpoint], RequestTimeout = Patience, Time = time });
        await using var heard = client.WatchAsync(new WatchCreateRequest { Key = ByteString.CopyFromUtf8("heard") }).GetAsyncEnumerator();
        await heard.MoveNextAsync().AsTask().WaitAsync(Deadline);

        await using var waiting = client.WatchAsync(new WatchCreateRequest { Key = ByteString.CopyFromUtf8("waiting") }).GetAsyncEnumerator();
        var created = waiting.MoveNextAsync().AsTask();
        await server.AskedAgain.WaitAsync(Deadline);
        await time.UntilDueAsync(Patience, Deadline);

        // Its last word, a tenth of the patience after the watch was asked for.
        time.Advance(Patience / 10);
        server.Speak();
        await heard.MoveNextAsync().AsTask().WaitAsync(Deadline);

        // It spoke since it was asked: it may only be slow, and what is left of the patience since then is waited.
        time.Advance(Patience * 0.9);
        await time.UntilDueAsync(Patience * 1.1, Deadline);
        Assert.False(server.CalledAgain.IsCompleted);

        time.Advance(Patience / 10);
        await server.CalledAgain.WaitAsync(Deadline);
        await created.WaitAsync(Deadline);
    }

    /// <summary>On its first stream it creates one watch, says a word on it when told to, and never creates a second; on the next stream it creates what it is asked for.</summary>
    private sealed class HangingServer : IAsyncDisposable
    {
        private readonly TestServer _server;
        private readonly TaskCompletionSource _askedAgain = new(TaskCreationOptions.RunContinuationsAsynchronously);
        private readonly TaskCompletionSource _calledAgain = new(TaskCreationOptions.RunContinuationsAsynchronously);
        private readonly TaskCompletionSource _speak = new(TaskCreationOptions.RunContinuationsAsynchronously);
        private int _calls;

        public HangingServer() => _server = new TestServer(router => router.MapDuplex(EtcdMethods.Watch, ServeAsync));

        public string Endpoint => _server.Endpoint;

        public Task AskedAgain => _askedAgain.Task;

        public Task CalledAgain => _calledAgain.Task;

        public void Speak() => _speak.SetResult();

        public ValueTask DisposeAsync() => _server.DisposeAsync();

        private async Task ServeAsync(GrpcRequestStream<WatchRequest> requests, GrpcResponseStream<WatchResponse> responses, GrpcCallContext call)
        {
            var isFirst = Interlocked.Increment(ref _calls) == 1;
            if (!isFirst) _calledAgain.TrySetResult();
            for (var id = 1; await requests.ReadAsync(call.Cancellation) is { } request; id++)
            {
                if (request.CreateRequest is null) continue;
                if (isFirst && id > 1)
                {
                    _askedAgain.SetResult();
                    await _speak.Task.WaitAsync(call.Cancellation);
                    await responses.WriteAsync(new WatchResponse { WatchId = 1, Header = new ResponseHeader { Revision = 7 } }, call.Cancellation);
                    await Task.Delay(Timeout.Infinite, call.Cancellation);
                }

                await responses.WriteAsync(new WatchResponse { WatchId = id, Created = true, Header = new ResponseHeader { Revision = 6 } }, call.Cancellation);
            }
        }
    }

    /// <summary>Timers fire inside <see cref="Advance"/>.</summary>
    private sealed class HandTime : TimeProvider
    {
        private readonly Lock _gate = new();
        private readonly List<HandTimer> _timers = [];
        private TimeSpan _now;

        public override long TimestampFrequency => TimeSpan.TicksPerSecond;

        public override long GetTimestamp()
        {
            lock (_gate) return _now.Ticks;
        }

        public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period)
        {
            lock (_gate)
            {
                var timer = new HandTimer(this, callback, state) { Due = _now + dueTime };
                _timers.Add(timer);
                return timer;
            }
        }

        public void Advance(TimeSpan by)
        {
            HandTimer[] due;
            lock (_gate)
            {
                _now += by;
                due = [.. _timers.Where(timer => timer.Due <= _now)];
                foreach (var timer in due) _timers.Remove(timer);
            }

            foreach (var timer in due) timer.Fire();
        }

        /// <summary>Somebody waits until this time and no longer.</summary>
        public async Task UntilDueAsync(TimeSpan due, TimeSpan deadline)
        {
            using var late = new CancellationTokenSource(deadline);
            while (true)
            {
                TimeSpan[] dues;
                lock (_gate) dues = [.. _timers.Select(timer => timer.Due)];
                if (dues.Contains(due)) return;
                Assert.False(late.IsCancellationRequested, $"nobody waits until {due}; timers: {string.Join(", ", dues)}");
                await Task.Delay(5);
            }
        }

        private sealed class HandTimer(HandTime time, TimerCallback callback, object? state) : ITimer
        {
            public TimeSpan Due { get; init; }

            public void Fire() => callback(state);

            public bool Change(TimeSpan dueTime, TimeSpan period) => throw new NotSupportedException();

            public void Dispose()
            {
                lock (time._gate) time._timers.Remove(this);
            }

            public ValueTask DisposeAsync()
            {
                Dispose();
                return ValueTask.CompletedTask;
            }
        }
    }
}
