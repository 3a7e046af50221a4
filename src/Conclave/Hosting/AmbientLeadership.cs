namespace Conclave;

/// <summary>
/// The leadership on whose behalf the running code acts. It flows with the code, like <see cref="AsyncLocal{T}"/>, and is not a property of the process: work that was begun under one leadership
/// and outlives it keeps its old token, and is refused, even when the same process has been elected again. Thread-safe.
/// </summary>
public static class AmbientLeadership
{
    private static readonly AsyncLocal<Leadership?> Flow = new();

    /// <summary>Null in code that acts for no leadership. Set in leader services and all that they start. May be over: ask <see cref="Leadership.IsHeld"/>.</summary>
    public static Leadership? Current => Flow.Value;

    /// <summary>Makes it current until the result is disposed. For those who campaign themselves; leader services need not.</summary>
    public static IDisposable Enter(Leadership leadership)
    {
        ArgumentNullException.ThrowIfNull(leadership);
        var before = Flow.Value;
        Flow.Value = leadership;
        return new Entered(before);
    }

    private sealed class Entered(Leadership? before) : IDisposable
    {
        public void Dispose() => Flow.Value = before;
    }
}
