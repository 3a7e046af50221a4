using System.Diagnostics;
using Conclave.Kubernetes.Wire;

namespace Conclave.Kubernetes;

/// <summary>What is seen of one Lease.</summary>
internal abstract class Sighting
{
    private Sighting(LeaseObject? lease) => Lease = lease;

    /// <summary>Null: there is none.</summary>
    public LeaseObject? Lease { get; }

    /// <summary>What is. After the first it says that changes may have gone unseen.</summary>
    public sealed class Listed(LeaseObject? lease) : Sighting(lease);

    /// <summary>The next change, with none left out since the last sighting.</summary>
    public sealed class Changed(LeaseObject? lease) : Sighting(lease);
}

/// <summary>
/// Follows one Lease: a list, then a watch from the list's version on; after a broken connection the watch goes on from the version it had come to. When the server has forgotten what came
/// after that, it is listed anew. A watch that says nothing for the poll interval is checked by another list, opened again if it is behind, and done without if that does not help. For one reader.
/// </summary>
internal sealed class LeaseFeed(LeaseApi api, string name, KubernetesClientOptions options, TimeProvider time, CancellationToken cancellation) : IAsyncDisposable
{
    // A Lease may say that it is held for 68 years, which no timer can wait for.
    private static readonly TimeSpan LongestWait = TimeSpan.FromDays(1);

    private readonly RetryBackoff _backoff = new(options.RetryIntervalMin, options.RetryIntervalMax, time);
    private readonly CancellationTokenSource _over = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
    private Task _reading = Task.CompletedTask;
    private LeaseWatch? _watch;
    private Task<WatchEvent?>? _next;

    // Up to which version everything was told; null: nothing was, or it can no longer be told.
    private string? _version;
    private string? _leaseVersion;
    private bool _wasBehind;

    /// <summary>The next sighting; silence is waited out. The one before must have come.</summary>
    /// <exception cref="RefusedException">Waiting will not cure it.</exception>
    public Task<Sighting> NextAsync()
    {
        var next = ReadAsync(_over.Token);
        _reading = next;
        return next;
    }

    /// <summary>Waits for what was asked for last; false when it has not come until then.</summary>
    public async Task<bool> ArrivedAsync(Instant? until, CancellationToken over)
    {
        var patience = until is not { } end ? Timeout.InfiniteTimeSpan : TimeSpan.FromTicks(Math.Clamp((end - Instant.Now(time)).Ticks, 0, LongestWait.Ticks));
        return await AnsweredAsync(_reading, patience, over).ConfigureAwait(false);
    }

    public async ValueTask DisposeAsync()
    {
        await _over.CancelAsync().ConfigureAwait(false);
        await _reading.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        await CloseAsync().ConfigureAwait(false);
        _over.Dispose();
    }

    private async Task<Sighting> ReadAsync(CancellationToken over)
    {
        while (true)
        {
            try
            {
                if (_version is null)
                    return await ListAsync(over).ConfigureAwait(false);
                if (await OpenAsync(over).ConfigureAwait(false) is not { } watch)
                    continue;

                _next ??= watch.NextAsync(over);
                if (await AnsweredAsync(_next, options.PollInterval, over).ConfigureAwait(false))
                {
                    var told = await TakeAsync(over).ConfigureAwait(false);
                    if (told is not null)
                        return told;
                }
                else if (await CheckAsync(over).ConfigureAwait(false) is { } missed)
                {
                    return missed;
                }
            }
            catch (NoAnswerException)
            {
                await CloseAsync().ConfigureAwait(false);
                await _backoff.PauseAsync(over).ConfigureAwait(false);
            }
        }
    }

    private async Task<Sighting> ListAsync(CancellationToken over)
    {
        var (lease, version) = await api.ListAsync(name, over).ConfigureAwait(false);
        (_version, _leaseVersion, _wasBehind) = (version, lease?.Version, false);
        return new Sighting.Listed(lease);
    }

    private async Task<LeaseWatch?> OpenAsync(CancellationToken over)
    {
        _watch ??= await api.WatchAsync(name, _version!, over).ConfigureAwait(false);
        if (_watch is null)
            await ForgetAsync(over).ConfigureAwait(false);
        return _watch;
    }

    // What is awaited goes on when the wait for it ends: a read that is cancelled would break the stream.
    private async Task<bool> AnsweredAsync(Task awaited, TimeSpan patience, CancellationToken over)
    {
        try
        {
            await awaited.WaitAsync(patience, time, over).ConfigureAwait(false);
            return true;
        }
        catch (TimeoutException)
        {
            return false;
        }
    }

    private async Task<Sighting?> TakeAsync(CancellationToken over)
    {
        var told = await _next!.ConfigureAwait(false);
        _next = null;
        switch (told)
        {
            case WatchEvent.Changed changed:
                _backoff.Reset();
                (_version, _leaseVersion, _wasBehind) = (changed.Lease.Version, changed.Lease.Version, false);
                return new Sighting.Changed(changed.Lease);
            case WatchEvent.Deleted deleted:
                _backoff.Reset();
                (_version, _leaseVersion, _wasBehind) = (deleted.Version, null, false);
                return new Sighting.Changed(null);
            case WatchEvent.Bookmark bookmark:
                _version = bookmark.Version;
                return null;
            case WatchEvent.Gone:
                await ForgetAsync(over).ConfigureAwait(false);
                return null;
            case WatchEvent.Failed or null:
                await CloseAsync().ConfigureAwait(false);
                await _backoff.PauseAsync(over).ConfigureAwait(false);
                return null;
            default:
                throw new UnreachableException($"No rule for {told}.");
        }
    }

    private async Task<Sighting?> CheckAsync(CancellationToken over)
    {
        var (lease, version) = await api.ListAsync(name, over).ConfigureAwait(false);
        if (_next!.IsCompleted)
            return null; // it was told meanwhile
        if (lease?.Version == _leaseVersion)
        {
            (_version, _wasBehind) = (version, false);
            return null;
        }

        // Once: the watch may be stuck, or a moment late. What we missed comes in order when it is opened again.
        await CloseAsync().ConfigureAwait(false);
        if (!_wasBehind)
        {
            _wasBehind = true;
            return null;
        }

        (_version, _leaseVersion, _wasBehind) = (version, lease?.Version, false);
        return new Sighting.Listed(lease);
    }

    /// <summary>410: the server no longer knows what came after our version. What is will be listed.</summary>
    private async Task ForgetAsync(CancellationToken over)
    {
        _version = null;
        await CloseAsync().ConfigureAwait(false);
        await _backoff.PauseAsync(over).ConfigureAwait(false);
    }

    private async ValueTask CloseAsync()
    {
        var (watch, next) = (_watch, _next);
        (_watch, _next) = (null, null);
        if (watch is null)
            return;
        watch.Abort();
        if (next is not null)
            await ((Task)next).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        await watch.DisposeAsync().ConfigureAwait(false);
    }
}
