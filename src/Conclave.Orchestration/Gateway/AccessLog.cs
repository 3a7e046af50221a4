using System.Globalization;
using System.Text;
using System.Threading.Channels;
using Microsoft.Extensions.Logging;

namespace Conclave.Orchestration.Gateway;

/// <summary>One request. <paramref name="Instance"/> is null when none was tried.</summary>
internal readonly record struct AccessLine(string Method, string Path, int Status, string? Instance, int Tries, TimeSpan Took)
{
    public DateTime EndedUtc { get; } = DateTime.UtcNow;
}

/// <summary>
/// Collects lines in memory and appends them to a file in batches. A request pays for a short lock; a slow disk costs lines, never
/// requests. Line: <c>time method "path" status instance tries milliseconds</c>.
/// </summary>
internal sealed class AccessLog(GatewayAccessLogOptions options, ILogger log)
{
    private readonly Lock _gate = new();
    private readonly Channel<bool> _some = Channel.CreateBounded<bool>(1);
    private AccessLine[] _filling = new AccessLine[options.BufferLines];
    private AccessLine[] _spare = new AccessLine[options.BufferLines];
    private int _count;
    private long _dropped;

    public long Dropped => Volatile.Read(ref _dropped);

    public void Add(in AccessLine line)
    {
        bool first;
        lock (_gate)
        {
            if (_count == _filling.Length)
            {
                _dropped++;
                return;
            }

            first = _count == 0;
            _filling[_count++] = line;
        }

        if (first) _some.Writer.TryWrite(true);
    }

    /// <summary>Writes until stopped, then what is left.</summary>
    public async Task RunAsync(CancellationToken stopping)
    {
        var text = new StringBuilder();
        while (true)
        {
            try
            {
                await _some.Reader.ReadAsync(stopping);
                await Task.Delay(options.Interval, stopping);
            }
            catch (OperationCanceledException)
            {
                await WriteAsync(text);
                return;
            }

            await WriteAsync(text);
        }
    }

    private async Task WriteAsync(StringBuilder text)
    {
        int count;
        lock (_gate)
        {
            (_filling, _spare) = (_spare, _filling);
            (count, _count) = (_count, 0);
        }

        for (var i = 0; i < count; i++) Append(text, _spare[i]);
        Array.Clear(_spare, 0, count);
        try
        {
            if (text.Length > 0) await AppendToFileAsync(text.ToString());
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // A full disk must not stop the gateway; the lines are lost and counted.
            Interlocked.Add(ref _dropped, count);
            log.AccessLogFailed(options.Path, e.Message);
        }

        text.Clear();
    }

    private async Task AppendToFileAsync(string text)
    {
        var file = new FileInfo(options.Path);
        if (file.Exists && file.Length >= options.FileBytes) File.Move(options.Path, options.Path + ".1", overwrite: true);
        await File.AppendAllTextAsync(options.Path, text);
    }

    private static void Append(StringBuilder text, in AccessLine line)
    {
        text.Append(CultureInfo.InvariantCulture, $"{line.EndedUtc:yyyy-MM-ddTHH:mm:ss.fffZ} {line.Method} \"");
        foreach (var c in line.Path)
        {
            // A path comes decoded, with whatever a client put in it: no line breaks or quotes into the file.
            if (c is '"' or '\\' or '\u007f' or < ' ') text.Append(CultureInfo.InvariantCulture, $"\\u{(int)c:x4}");
            else text.Append(c);
        }

        text.Append(CultureInfo.InvariantCulture, $"\" {line.Status} {line.Instance ?? "-"} {line.Tries} {line.Took.TotalMilliseconds:0.000}\n");
    }
}
