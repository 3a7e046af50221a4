namespace Conclave;

/// <summary>Pauses that double from the shortest to the longest. Pure: the jitter comes in.</summary>
internal readonly record struct RetryDelay(TimeSpan Min, TimeSpan Max)
{
    /// <summary>The pause after so many failures in a row, between its half and itself so that many instances do not return in step.</summary>
    /// <param name="failures">At least 1.</param>
    /// <param name="jitter">0 to 1.</param>
    public TimeSpan After(int failures, double jitter)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(failures, 1);

        // In doubles, which do not overflow; doubling 40 times is beyond every bound.
        var milliseconds = Math.Min(Min.TotalMilliseconds * Math.Pow(2, Math.Min(failures - 1, 40)), Max.TotalMilliseconds);
        return TimeSpan.FromMilliseconds(milliseconds * (0.5 + (jitter / 2)));
    }
}
