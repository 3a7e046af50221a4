using System.Text.Json;
using System.Text.Json.Serialization;

namespace Conclave.Orchestration.Model;

/// <summary>A Linux signal by number and name.</summary>
/// <param name="Number">As on x86-64 and arm64.</param>
/// <param name="Name">With its prefix, such as <c>SIGTERM</c>.</param>
[JsonConverter(typeof(SignalJson))]
public readonly record struct Signal(int Number, string Name)
{
    /// <summary>Ends a process at once; cannot be refused.</summary>
    public static Signal Kill { get; } = new(9, "SIGKILL");

    /// <summary>Asks a process to end.</summary>
    public static Signal Term { get; } = new(15, "SIGTERM");

    /// <summary>Halts a process, which keeps its memory and its sockets.</summary>
    public static Signal Stop { get; } = new(19, "SIGSTOP");

    /// <summary>Lets a halted process go on.</summary>
    public static Signal Cont { get; } = new(18, "SIGCONT");

    private static readonly Signal[] Known =
    [
        new(1, "SIGHUP"), new(2, "SIGINT"), new(3, "SIGQUIT"), new(6, "SIGABRT"), Kill, new(10, "SIGUSR1"), new(12, "SIGUSR2"),
        new(13, "SIGPIPE"), new(14, "SIGALRM"), Term, Cont, Stop, new(28, "SIGWINCH"),
    ];

    /// <summary>The names that <see cref="TryParse"/> takes, without the prefix, for messages.</summary>
    public static IEnumerable<string> Names => Known.Select(signal => signal.Name[3..]);

    /// <summary>Takes <c>SIGTERM</c>, <c>term</c> and <c>15</c>.</summary>
    public static bool TryParse(string? text, out Signal signal)
    {
        text = text?.Trim() ?? "";
        foreach (var known in Known)
        {
            if (text.Equals(known.Name, StringComparison.OrdinalIgnoreCase) || text.Equals(known.Name[3..], StringComparison.OrdinalIgnoreCase)
                || text == known.Number.ToString(System.Globalization.CultureInfo.InvariantCulture))
            {
                signal = known;
                return true;
            }
        }

        signal = default;
        return false;
    }

    /// <inheritdoc/>
    public override string ToString() => Name;
}

/// <summary>A signal is stored by its name.</summary>
internal sealed class SignalJson : JsonConverter<Signal>
{
    public override Signal Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) =>
        Signal.TryParse(reader.GetString(), out var signal) ? signal : throw new JsonException("not a signal");

    public override void Write(Utf8JsonWriter writer, Signal value, JsonSerializerOptions options) => writer.WriteStringValue(value.Name);
}
