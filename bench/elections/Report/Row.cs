using System.Globalization;

namespace Conclave.Bench.Elections.Report;

/// <summary>What a target binds.</summary>
internal enum Binds
{
    Nothing,
    Median,
    Every,
}

/// <summary>One line of the table: what was measured how often, and what it should be.</summary>
/// <param name="Subject">The backend, or the rival.</param>
/// <param name="What">Measured.</param>
/// <param name="Unit">Such as <c>ms</c>; empty for counts.</param>
/// <param name="Values">One per trial, at least one.</param>
internal sealed record Row(string Subject, string What, string Unit, IReadOnlyList<double> Values)
{
    public Binds Binds { get; private init; }

    /// <summary>The target: at most this.</summary>
    public double Limit { get; private init; } = double.NaN;

    /// <summary>What the target is made of, where it is made of something measured.</summary>
    public string Because { get; private init; } = "";

    public double Median => At(0.5);

    public double P95 => At(0.95);

    public double Max => Values.Max();

    /// <summary>Null: there is no target.</summary>
    public bool? Met => Binds switch
    {
        Binds.Nothing => null,
        Binds.Median => Median <= Limit,
        _ => Max <= Limit,
    };

    public static Row Single(string subject, string what, string unit, double value) => new(subject, what, unit, [value]);

    public Row Target(Binds binds, double limit, string because = "") => this with { Binds = binds, Limit = limit, Because = because };

    public string TargetText()
    {
        if (Binds is Binds.Nothing)
            return "";
        var unit = Unit.Length > 0 ? " " + Unit : "";
        var because = Because.Length > 0 ? $" ({Because})" : "";
        var each = Values.Count == 1 ? "" : Binds is Binds.Median ? "median " : "every ";
        return $"{each}≤ {Show(Limit)}{unit}{because}";
    }

    public static string Show(double value)
    {
        var digits = Math.Abs(value) switch
        {
            < 0.1 => "0.###",
            < 10 => "0.0#",
            < 100 => "0.#",
            _ => "0",
        };
        return value.ToString(digits, CultureInfo.InvariantCulture);
    }

    private double At(double share)
    {
        var sorted = Values.Order().ToArray();
        return sorted[Math.Max(0, (int)Math.Ceiling(share * sorted.Length) - 1)];
    }
}
