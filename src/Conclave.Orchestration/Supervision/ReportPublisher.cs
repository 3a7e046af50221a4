using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using Conclave.Orchestration.Cluster;
using Conclave.Wire.Etcd;
using Google.Protobuf;
using Microsoft.Extensions.Logging;

namespace Conclave.Orchestration.Supervision;

/// <summary>
/// Writes what a worker sees to the store, under its lease: the latest value of each record, as soon as it can. Never in the way of the supervision loop, which goes on without a
/// store; but the lease is renewed only while that loop turns (<see cref="Beat"/>), so that a worker whose loop is stuck is noticed though its sockets answer. Thread-safe.
/// </summary>
internal sealed class ReportPublisher(ClusterStore store, TimeProvider time, ILogger log)
{
    private const long LeaseSeconds = 5;
    private static readonly TimeSpan RenewEvery = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan RetryAfter = TimeSpan.FromMilliseconds(100);
    private readonly Lock _lock = new();
    private readonly Dictionary<string, byte[]?> _records = new(StringComparer.Ordinal);
    private readonly HashSet<string> _unwritten = new(StringComparer.Ordinal);
    private TaskCompletionSource _work = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private long _beat = time.GetTimestamp();
    private long _lease;

    /// <summary>How long the loop may stand still before its worker counts as stuck. Default 1 s: 2T.</summary>
    public TimeSpan BeatWithin { get; init; } = TimeSpan.FromSeconds(1);

    /// <summary>The supervision loop turned.</summary>
    public void Beat() => Volatile.Write(ref _beat, time.GetTimestamp());

    /// <summary>This is how it is now.</summary>
    public void Report<T>(string key, T record, JsonTypeInfo<T> type) => Set(key, JsonSerializer.SerializeToUtf8Bytes(record, type));

    /// <summary>There is nothing to report of it any more.</summary>
    public void Withdraw(string key) => Set(key, null);

    /// <summary>Publishes until cancelled. The lease is left to expire: a successor within its time takes over without a gap.</summary>
    public async Task RunAsync(CancellationToken stopping)
    {
        var renewed = time.GetTimestamp();
        while (!stopping.IsCancellationRequested)
        {
            try
            {
                if (_lease == 0)
                {
                    await GrantAsync(stopping);
                    renewed = time.GetTimestamp();
                }

                await WriteAsync(stopping);
                var alive = time.GetElapsedTime(Volatile.Read(ref _beat)) < BeatWithin;
                if (alive && time.GetElapsedTime(renewed) >= RenewEvery)
                {
                    if (!await RenewAsync(stopping))
                        continue;
                    renewed = time.GetTimestamp();
                }

                await WaitForWorkAsync(RenewEvery - time.GetElapsedTime(renewed), stopping);
            }
            catch (OperationCanceledException) when (stopping.IsCancellationRequested)
            {
                break;
            }
            catch (EtcdException failed)
            {
                log.ReportsWait(failed.Message);
                if (failed.Status == Wire.Grpc.GrpcStatus.NotFound)
                    _lease = 0; // it expired while we could not be heard
                await Task.Delay(RetryAfter, time, stopping).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            }
        }
    }

    private void Set(string key, byte[]? value)
    {
        lock (_lock)
        {
            _records[key] = value;
            _unwritten.Add(key);
            _work.TrySetResult();
        }
    }

    private async Task GrantAsync(CancellationToken cancel)
    {
        var granted = await store.Client.LeaseGrantAsync(new LeaseGrantRequest { TTL = LeaseSeconds }, cancel);
        _lease = granted.ID;
        lock (_lock)
        {
            foreach (var key in _records.Keys)
                _unwritten.Add(key);
        }
    }

    private async Task<bool> RenewAsync(CancellationToken cancel)
    {
        var answer = await store.Client.LeaseKeepAliveAsync(_lease, cancel);
        if (answer.TTL > 0)
            return true;
        _lease = 0;
        return false;
    }

    private async Task WriteAsync(CancellationToken cancel)
    {
        List<(string Key, byte[]? Value)> batch;
        lock (_lock)
        {
            batch = [.. _unwritten.Select(key => (key, _records[key]))];
            _unwritten.Clear();
            if (_work.Task.IsCompleted)
                _work = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        }

        try
        {
            await Task.WhenAll(batch.Select(b => WriteOneAsync(b.Key, b.Value, cancel)));
        }
        catch
        {
            lock (_lock)
            {
                foreach (var (key, _) in batch)
                    _unwritten.Add(key);
            }

            throw;
        }
    }

    private async Task WriteOneAsync(string key, byte[]? value, CancellationToken cancel)
    {
        if (value is null)
        {
            await store.DeleteAsync(key, cancel);
            lock (_lock)
            {
                if (_records.TryGetValue(key, out var now) && now is null && !_unwritten.Contains(key))
                    _records.Remove(key);
            }

            return;
        }

        await store.Client.PutAsync(
            new PutRequest { Key = ByteString.CopyFromUtf8(key), Value = UnsafeByteOperations.UnsafeWrap(value), Lease = _lease }, cancel);
    }

    private async Task WaitForWorkAsync(TimeSpan atMost, CancellationToken stopping)
    {
        Task work;
        lock (_lock)
            work = _work.Task;
        if (atMost > TimeSpan.Zero)
            await Task.WhenAny(work, Task.Delay(atMost, time, stopping));
    }
}
