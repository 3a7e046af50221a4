using System.Globalization;

namespace Conclave.Orchestration.Processes;

/// <summary>A signal by its number on Linux (x86-64 and arm64).</summary>
/// <param name="Number">1 to 64.</param>
public readonly record struct UnixSignal(int Number)
{
    private static readonly (string Name, int Number)[] Known =
    [
        ("HUP", 1), ("INT", 2), ("QUIT", 3), ("ILL", 4), ("TRAP", 5), ("ABRT", 6), ("BUS", 7), ("FPE", 8), ("KILL", 9), ("USR1", 10),
        ("SEGV", 11), ("USR2", 12), ("PIPE", 13), ("ALRM", 14), ("TERM", 15), ("CHLD", 17), ("CONT", 18), ("STOP", 19), ("TSTP", 20),
        ("TTIN", 21), ("TTOU", 22), ("URG", 23), ("XCPU", 24), ("XFSZ", 25), ("VTALRM", 26), ("PROF", 27), ("WINCH", 28), ("IO", 29),
        ("PWR", 30), ("SYS", 31),
    ];

    public static UnixSignal Interrupt { get; } = new(2);
    public static UnixSignal Kill { get; } = new(9);
    public static UnixSignal Terminate { get; } = new(15);
    public static UnixSignal Continue { get; } = new(18);
    public static UnixSignal Stop { get; } = new(19);

    /// <summary>Reads <c>SIGTERM</c>, <c>TERM</c> (any case) or <c>15</c>.</summary>
    public static bool TryParse(string? text, out UnixSignal signal)
    {
        signal = default;
        if (string.IsNullOrWhiteSpace(text))
            return false;
        if (int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var number))
        {
            signal = new UnixSignal(number);
            return number is >= 1 and <= 64;
        }

        var name = text.StartsWith("SIG", StringComparison.OrdinalIgnoreCase) ? text[3..] : text;
        foreach (var known in Known)
        {
            if (!known.Name.Equals(name, StringComparison.OrdinalIgnoreCase))
                continue;
            signal = new UnixSignal(known.Number);
            return true;
        }

        return false;
    }

    /// <summary><c>SIGTERM</c>, or <c>signal 42</c> where there is no common name.</summary>
    public override string ToString()
    {
        foreach (var known in Known)
        {
            if (known.Number == Number)
                return "SIG" + known.Name;
        }

        return string.Create(CultureInfo.InvariantCulture, $"signal {Number}");
    }
}
