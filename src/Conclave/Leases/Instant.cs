namespace Conclave;

/// <summary>A reading of one clock of one host, counted from that clock's own zero. Two instants compare only if the same <see cref="TimeProvider"/> gave both.</summary>
public readonly record struct Instant(TimeSpan SinceZero) : IComparable<Instant>
{
    /// <summary>Reads the clock.</summary>
    public static Instant Now(TimeProvider time)
    {
        ArgumentNullException.ThrowIfNull(time);
        return new Instant(time.GetElapsedTime(0));
    }

    /// <inheritdoc/>
    public int CompareTo(Instant other) => SinceZero.CompareTo(other.SinceZero);

    /// <inheritdoc/>
    public override string ToString() => SinceZero.ToString();

    /// <summary>Later by a duration.</summary>
    public static Instant operator +(Instant left, TimeSpan right) => new(left.SinceZero + right);

    /// <summary>Earlier by a duration.</summary>
    public static Instant operator -(Instant left, TimeSpan right) => new(left.SinceZero - right);

    /// <summary>The duration between two readings.</summary>
    public static TimeSpan operator -(Instant left, Instant right) => left.SinceZero - right.SinceZero;

    /// <summary>Earlier.</summary>
    public static bool operator <(Instant left, Instant right) => left.SinceZero < right.SinceZero;

    /// <summary>Later.</summary>
    public static bool operator >(Instant left, Instant right) => left.SinceZero > right.SinceZero;

    /// <summary>Earlier or the same.</summary>
    public static bool operator <=(Instant left, Instant right) => left.SinceZero <= right.SinceZero;

    /// <summary>Later or the same.</summary>
    public static bool operator >=(Instant left, Instant right) => left.SinceZero >= right.SinceZero;
}
