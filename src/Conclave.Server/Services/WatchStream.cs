using System.Diagnostics;
using Conclave.Store;
using Conclave.Store.Mvcc;
using Conclave.Store.Watch;
using Conclave.Wire.Etcd;
using Conclave.Wire.Grpc;
using Google.Protobuf;

namespace Conclave.Server.Services;

/// <summary>
/// One call of <c>Watch</c>: a reader of requests, a writer of responses, and between them the mailbox. Everything that touches the hub runs on the
/// replica's loop; because "created" goes into the mailbox there, right before the hub may deliver anything, it always comes first.
/// </summary>
internal sealed class WatchStream
{
    /// <summary>On responses that belong to no watch.</summary>
    private const long NoWatch = -1;

    private static readonly TimeSpan ProgressRetry = TimeSpan.FromMilliseconds(10);

    private readonly EtcdMethodMap _map;
    private readonly WatchLimits _limits;
    private readonly WatchMailbox _mailbox;

    // Touched on the loop only.
    private readonly Dictionary<long, StreamWatch> _watches = [];
    private long _nextId;

    public WatchStream(EtcdMethodMap map, WatchLimits limits)
    {
        _map = map;
        _limits = limits;
        _mailbox = new WatchMailbox(limits.QueuedResponsesMax, map.Member.Wake);
    }

    public async Task RunAsync(GrpcRequestStream<WatchRequest> requests, GrpcResponseStream<WatchResponse> responses, CancellationToken cancellation)
    {
        using var ended = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        Task[] parts = [ReadAsync(requests, ended.Token), WriteAsync(responses, ended.Token), NotifyProgressAsync(ended.Token)];
        var first = await Task.WhenAny(parts);
        await ended.CancelAsync();
        await Task.WhenAll(parts).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        await ((Task)OnLoopAsync(CloseAll, CancellationToken.None)).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        await first;
    }

    private async Task ReadAsync(GrpcRequestStream<WatchRequest> requests, CancellationToken cancellation)
    {
        while (await requests.ReadAsync(cancellation) is { } request)
        {
            await _mailbox.WaitForRoomAsync(cancellation);
            switch (request.RequestUnionCase)
            {
                case WatchRequest.RequestUnionOneofCase.CreateRequest:
                    await OnLoopAsync(applier => Create(applier, request.CreateRequest), cancellation);
                    break;
                case WatchRequest.RequestUnionOneofCase.CancelRequest:
                    await OnLoopAsync(applier => Cancel(applier, request.CancelRequest.WatchId), cancellation);
                    break;
                case WatchRequest.RequestUnionOneofCase.ProgressRequest:
                    // True only of a moment in which every watch has heard everything.
                    while (!await _map.Member.ReadAsync(linearizable: false, TryProgressOfAll, cancellation)) await Task.Delay(ProgressRetry, cancellation);
                    break;
                default:
                    break; // like etcd: what we do not know is no reason to end the others
            }
        }
    }

    private async Task WriteAsync(GrpcResponseStream<WatchResponse> responses, CancellationToken cancellation)
    {
        while (true)
        {
            var item = await _mailbox.TakeAsync(cancellation);
            if (item.Response is { } response)
            {
                await responses.WriteAsync(response, cancellation);
                continue;
            }

            var watch = item.Watch!;
            var whole = ToResponse(watch, item.Batch!);
            foreach (var part in watch.Fragment ? Split(whole, _limits.FragmentBytes) : [whole]) await responses.WriteAsync(part, cancellation);
            if (item.Batch is WatchBatch.Compacted) await OnLoopAsync(_ => Forget(watch), cancellation);
        }
    }

    private async Task NotifyProgressAsync(CancellationToken cancellation)
    {
        // Watches made together should not be told together.
        var jitter = _limits.ProgressInterval * (Random.Shared.NextDouble() / 10);
        using var timer = new PeriodicTimer(_limits.ProgressInterval + jitter);
        while (await timer.WaitForNextTickAsync(cancellation)) await OnLoopAsync(NotifyIdle, cancellation);
    }

    private Task<bool> OnLoopAsync(Action<Applier> act, CancellationToken cancellation) => _map.Member.ReadAsync(
        linearizable: false,
        applier =>
        {
            act(applier);
            return true;
        },
        cancellation);

    private void Create(Applier applier, WatchCreateRequest request)
    {
        var revision = applier.Store.Current;
        var keys = KeysOf(request);
        if (Refusal(request.WatchId, keys) is { } reason)
        {
            _mailbox.Post(new WatchResponse { Header = _map.Header(revision), WatchId = NoWatch, Created = true, Canceled = true, CancelReason = reason });
            return;
        }

        var watch = new StreamWatch(_mailbox, request.WatchId != 0 ? request.WatchId : ChooseId(), request);
        _watches.Add(watch.Id, watch);
        _mailbox.Post(new WatchResponse { Header = _map.Header(revision), WatchId = watch.Id, Created = true });
        watch.Watcher = applier.Watches.Open(
            new WatchSpec(new WatchId(watch.Id), keys)
            {
                Start = new Revision(request.StartRevision),
                PrevKv = request.PrevKv,
                NoPut = request.Filters.Contains(WatchCreateRequest.Types.FilterType.Noput),
                NoDelete = request.Filters.Contains(WatchCreateRequest.Types.FilterType.Nodelete),
            },
            watch);
    }

    private string? Refusal(long id, KeyRange keys)
    {
        if (id != 0 && _watches.ContainsKey(id)) return EtcdErrors.WatchIdInUseText;
        if (_watches.Count >= _limits.WatchesPerStreamMax) return EtcdErrors.TooManyWatchesText;
        return !keys.IsSingle && !keys.IsUnbounded && keys.End.Span.SequenceCompareTo(keys.Key.Span) <= 0 ? EtcdErrors.EmptyWatchRangeText : null;
    }

    private long ChooseId()
    {
        while (_watches.ContainsKey(_nextId)) _nextId++;
        return _nextId++;
    }

    private void Cancel(Applier applier, long id)
    {
        if (!_watches.Remove(id, out var watch)) return;
        applier.Watches.Close(watch.Watcher!);
        _mailbox.Post(new WatchResponse { Header = _map.Header(applier.Store.Current), WatchId = id, Canceled = true });
    }

    /// <summary>Ended by the hub. Its id may be another watch's by now.</summary>
    private void Forget(StreamWatch watch)
    {
        if (_watches.TryGetValue(watch.Id, out var present) && present == watch) _watches.Remove(watch.Id);
    }

    private void CloseAll(Applier applier)
    {
        foreach (var watch in _watches.Values) applier.Watches.Close(watch.Watcher!);
        _watches.Clear();
    }

    private bool TryProgressOfAll(Applier applier)
    {
        if (_watches.Values.Any(watch => !watch.Watcher!.IsSynced)) return false;
        _mailbox.Post(new WatchResponse { Header = _map.Header(applier.Store.Current), WatchId = NoWatch });
        return true;
    }

    private void NotifyIdle(Applier applier)
    {
        foreach (var watch in _watches.Values)
        {
            if (watch.ProgressNotify && watch.IsIdle) applier.Watches.TryProgress(watch.Watcher!);
            watch.IsIdle = true;
        }
    }

    private WatchResponse ToResponse(StreamWatch watch, WatchBatch batch)
    {
        var response = new WatchResponse { Header = _map.Header(batch.Revision), WatchId = watch.Id };
        switch (batch)
        {
            case WatchBatch.Events events:
                response.Events.Capacity = events.List.Count;
                foreach (var happened in events.List) response.Events.Add(Mapping.ToEvent(happened, watch.PrevKv));
                return response;
            case WatchBatch.Progress:
                return response;
            case WatchBatch.Compacted compacted:
                (response.Canceled, response.CompactRevision, response.CancelReason) = (true, compacted.CompactRevision.Value, EtcdErrors.CompactedText);
                return response;
            default:
                throw new UnreachableException();
        }
    }

    /// <summary>Parts of at most <paramref name="bytesMax"/>, each with one event at least; all but the last say that more follow.</summary>
    internal static IEnumerable<WatchResponse> Split(WatchResponse whole, int bytesMax)
    {
        if (whole.Events.Count < 2 || whole.CalculateSize() < bytesMax) return [whole];

        List<WatchResponse> parts = [];
        var bytes = 0;
        foreach (var happened in whole.Events)
        {
            var size = happened.CalculateSize();
            if (parts.Count == 0 || bytes + size > bytesMax)
            {
                parts.Add(new WatchResponse { Header = whole.Header, WatchId = whole.WatchId, Fragment = true });
                bytes = 0;
            }

            parts[^1].Events.Add(happened);
            bytes += size;
        }

        parts[^1].Fragment = false;
        return parts;
    }

    /// <summary>An empty key means the smallest there is, in a watch only.</summary>
    private static KeyRange KeysOf(WatchCreateRequest request) =>
        Mapping.Keys(request.Key.IsEmpty ? ByteString.CopyFrom(0) : request.Key, request.RangeEnd);
}
