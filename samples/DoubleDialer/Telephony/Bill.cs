using System.Globalization;
using System.Text;
using System.Threading.Channels;

namespace Conclave.Samples.DoubleDialer.Telephony;

/// <summary>A call, as it is billed.</summary>
internal readonly record struct Call(int Customer, string Key, FencingToken Token, string Caller);

/// <summary>
/// A file that only grows, one line for each call: <c>number,customer,key,token,caller</c>. A call counts as made when its line is on the disk, and the line holds the call's key: so no crash makes one of them
/// true without the other. One loop writes, all that came in meanwhile with one flush. Thread-safe.
/// </summary>
internal sealed class Bill : IDisposable
{
    private const int WaitingMax = 4096;

    private readonly Channel<(Call Call, TaskCompletionSource<long> Written)> _waiting =
        Channel.CreateBounded<(Call, TaskCompletionSource<long>)>(new BoundedChannelOptions(WaitingMax) { SingleReader = true });

    private readonly FileStream _file;
    private long _count;

    private Bill(FileStream file, long count) => (_file, _count) = (file, count);

    /// <summary>Lines on the disk.</summary>
    public long Count => Interlocked.Read(ref _count);

    /// <summary>Opens the file, or makes it. A line that a crash cut short was answered to nobody, and is removed.</summary>
    /// <param name="path">Of the file; its directory exists.</param>
    /// <param name="lastMax">How many of the last calls to tell.</param>
    /// <param name="last">Their keys and numbers, oldest first.</param>
    public static Bill Open(string path, int lastMax, out IReadOnlyCollection<(string Key, long Number)> last)
    {
        var keys = new Queue<(string Key, long Number)>();
        var whole = 0L;
        var count = 0L;
        var file = new FileStream(path, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.Read);
        var reader = new StreamReader(file, Encoding.ASCII, leaveOpen: true);
        var text = reader.ReadToEnd();
        foreach (var line in text[..(text.LastIndexOf('\n') + 1)].Split('\n', StringSplitOptions.RemoveEmptyEntries))
        {
            whole += line.Length + 1;
            keys.Enqueue((line.Split(',')[2], ++count));
            if (keys.Count > lastMax)
                keys.Dequeue();
        }

        file.SetLength(whole);
        file.Position = whole;
        last = keys;
        return new Bill(file, count);
    }

    /// <summary>The number of its line, which is on the disk when this returns.</summary>
    public async Task<long> AddAsync(Call call)
    {
        var written = new TaskCompletionSource<long>(TaskCreationOptions.RunContinuationsAsynchronously);
        await _waiting.Writer.WriteAsync((call, written));
        return await written.Task;
    }

    /// <summary>No call follows; <see cref="RunAsync"/> ends when the last is written.</summary>
    public void Complete() => _waiting.Writer.TryComplete();

    /// <summary>Writes until <see cref="Complete"/>. Throws when the disk fails; then nothing is billed any more, and nothing may be dialled.</summary>
    public async Task RunAsync()
    {
        var batch = new List<TaskCompletionSource<long>>();
        var lines = new StringBuilder();
        try
        {
            while (await _waiting.Reader.WaitToReadAsync())
            {
                while (batch.Count < WaitingMax && _waiting.Reader.TryRead(out var next))
                {
                    batch.Add(next.Written);
                    var (customer, key, token, caller) = next.Call;
                    lines.Append(CultureInfo.InvariantCulture, $"{_count + batch.Count},{customer},{key},{token},{caller}\n");
                }

                _file.Write(Encoding.ASCII.GetBytes(lines.ToString()));
                _file.Flush(flushToDisk: true);
                foreach (var written in batch)
                    written.SetResult(Interlocked.Increment(ref _count));
                batch.Clear();
                lines.Clear();
            }
        }
        catch (Exception fault)
        {
            _waiting.Writer.TryComplete(fault);
            while (_waiting.Reader.TryRead(out var next))
                batch.Add(next.Written);
            foreach (var written in batch)
                written.TrySetException(fault);
            throw;
        }
    }

    public void Dispose() => _file.Dispose();
}
