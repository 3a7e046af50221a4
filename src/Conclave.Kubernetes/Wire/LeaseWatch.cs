using System.Buffers;
using System.IO.Pipelines;
using System.Text.Json;

namespace Conclave.Kubernetes.Wire;

/// <summary>What a watch tells.</summary>
internal abstract record WatchEvent
{
    private WatchEvent() { }

    /// <summary>The Lease was made or written.</summary>
    public sealed record Changed(LeaseObject Lease) : WatchEvent;

    /// <summary>The Lease is gone; <paramref name="Version"/> is that of its deletion.</summary>
    public sealed record Deleted(string Version) : WatchEvent;

    /// <summary>Nothing happened up to this version.</summary>
    public sealed record Bookmark(string Version) : WatchEvent;

    /// <summary>What came after our version is forgotten.</summary>
    public sealed record Gone : WatchEvent;

    /// <summary>The server gave up on the watch for another reason.</summary>
    public sealed record Failed(string Message) : WatchEvent;
}

/// <summary>One open watch: JSON objects, one a line. For one reader.</summary>
internal sealed class LeaseWatch(HttpResponseMessage answer, Stream stream) : IAsyncDisposable
{
    private const int GoneCode = 410;

    private readonly PipeReader _lines = PipeReader.Create(stream);
    private readonly CancellationTokenSource _aborted = new();

    /// <summary>The next event; null when the server ended the watch.</summary>
    /// <exception cref="NoAnswerException">The connection broke.</exception>
    public async Task<WatchEvent?> NextAsync(CancellationToken cancellation)
    {
        using var over = CancellationTokenSource.CreateLinkedTokenSource(cancellation, _aborted.Token);
        try
        {
            while (true)
            {
                var read = await _lines.ReadAsync(over.Token).ConfigureAwait(false);
                var buffer = read.Buffer;
                if (buffer.PositionOf((byte)'\n') is { } end)
                {
                    var told = Parse(buffer.Slice(0, end));
                    _lines.AdvanceTo(buffer.GetPosition(1, end));
                    return told;
                }

                if (read.IsCompleted)
                    return null;
                if (buffer.Length > LeaseApi.AnswerBytesMax)
                    throw new NoAnswerException($"a line of a watch has more than {LeaseApi.AnswerBytesMax} bytes");
                _lines.AdvanceTo(buffer.Start, buffer.End);
            }
        }
        catch (Exception fault) when (fault is IOException or HttpRequestException or JsonException)
        {
            throw new NoAnswerException($"watch: {fault.Message}", fault);
        }
    }

    /// <summary>Ends a read that is under way, and the stream with it.</summary>
    public void Abort()
    {
        _aborted.Cancel();
        answer.Dispose();
    }

    public async ValueTask DisposeAsync()
    {
        _aborted.Dispose();
        await _lines.CompleteAsync().ConfigureAwait(false);
        answer.Dispose();
    }

    private static WatchEvent Parse(ReadOnlySequence<byte> line)
    {
        var reader = new Utf8JsonReader(line);
        var told = JsonSerializer.Deserialize(ref reader, KubernetesJson.Default.WatchLine) ?? throw new JsonException("an empty event");
        switch (told.Type)
        {
            case "ADDED" or "MODIFIED":
                return new WatchEvent.Changed(Lease(told));
            case "DELETED":
                return new WatchEvent.Deleted(Lease(told).Version);
            case "BOOKMARK":
                return new WatchEvent.Bookmark(Lease(told).Version);
            case "ERROR":
                var status = told.Object.Deserialize(KubernetesJson.Default.StatusObject);
                return status?.Code is GoneCode ? new WatchEvent.Gone() : new WatchEvent.Failed(status?.Message ?? "no reason given");
            default:
                return new WatchEvent.Failed($"an event of type {told.Type}");
        }
    }

    private static LeaseObject Lease(WatchLine told) => told.Object.Deserialize(KubernetesJson.Default.LeaseObject) ?? throw new JsonException("an event without an object");
}
