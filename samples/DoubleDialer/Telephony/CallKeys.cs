namespace Conclave.Samples.DoubleDialer.Telephony;

/// <summary>
/// Which calls were made, by their idempotency keys. A repetition gets the answer of the first; one that comes while the first still rings waits for it. Only the last keys are remembered, as with any API: for a
/// day, a week, some number. What returns later than that is not recognised, which is why keys alone do not stop a leader that slept for long. Thread-safe.
/// </summary>
internal sealed class CallKeys
{
    private readonly Lock _gate = new();
    private readonly Dictionary<string, Task<long>> _calls = new(StringComparer.Ordinal);
    private readonly Queue<string> _made = new();
    private readonly int _remembered;

    /// <param name="remembered">How many calls that were made are known again.</param>
    /// <param name="last">Those that the bill knows from before.</param>
    public CallKeys(int remembered, IEnumerable<(string Key, long Number)> last)
    {
        _remembered = remembered;
        foreach (var (key, number) in last)
        {
            if (_calls.TryAdd(key, Task.FromResult(number)))
                Remember(key);
        }
    }

    /// <summary>The number on the bill, and whether the call had been made before.</summary>
    public async Task<(long Number, bool Repeated)> OnceAsync(string key, Func<Task<long>> make)
    {
        var mine = new TaskCompletionSource<long>(TaskCreationOptions.RunContinuationsAsynchronously);
        Task<long>? first;
        lock (_gate)
        {
            if (!_calls.TryGetValue(key, out first))
                _calls.Add(key, mine.Task);
        }

        if (first is not null)
            return (await first, true);
        try
        {
            var number = await make();
            lock (_gate)
                Remember(key);
            mine.SetResult(number);
            return (number, false);
        }
        catch (Exception fault)
        {
            // Not on the bill, so the next attempt is the first.
            lock (_gate)
                _calls.Remove(key);
            mine.SetException(fault);
            throw;
        }
    }

    private void Remember(string key)
    {
        _made.Enqueue(key);
        if (_made.Count > _remembered)
            _calls.Remove(_made.Dequeue());
    }
}
