using System.Globalization;
using System.Text.Json;
using System.Text.Json.Serialization;
using KnownSignal = Conclave.Orchestration.Model.Signal;

namespace Conclave.Orchestration.Processes;

/// <summary>How a process ended. A closed set: <see cref="Code"/>, <see cref="Signal"/>, <see cref="Unknown"/>.</summary>
[JsonConverter(typeof(ProcessExitJson))]
public abstract record ProcessExit
{
    private ProcessExit() { }

    /// <summary>It returned by itself.</summary>
    /// <param name="Value">0 to 255; 0 means success.</param>
    public sealed record Code(int Value) : ProcessExit
    {
        /// <inheritdoc/>
        public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"exited with code {Value}");
    }

    /// <summary>A signal ended it.</summary>
    /// <param name="Number">1 to 64, as on x86-64 and arm64.</param>
    public sealed record Signal(int Number) : ProcessExit
    {
        /// <inheritdoc/>
        public override string ToString() => $"killed by {NameOf(Number)}";
    }

    /// <summary>It ended, and only its parent was told how: the kernel tells no one else the code of an adopted process.</summary>
    public sealed record Unknown : ProcessExit
    {
        /// <inheritdoc/>
        public override string ToString() => "ended, exit code unknown (adopted process)";
    }

    /// <summary>True only for exit code 0; an unknown end is not a success.</summary>
    public bool IsSuccess => this is Code { Value: 0 };

    /// <summary><c>code 3</c>, <c>signal 9</c> or <c>unknown</c>: the form in records and in JSON.</summary>
    public string ToToken() => this switch
    {
        Code code => string.Create(CultureInfo.InvariantCulture, $"code {code.Value}"),
        Signal signal => string.Create(CultureInfo.InvariantCulture, $"signal {signal.Number}"),
        Unknown => "unknown",
        _ => throw new System.Diagnostics.UnreachableException(),
    };

    /// <summary>Reads what <see cref="ToToken"/> wrote.</summary>
    public static bool TryParseToken(string? token, out ProcessExit? exit)
    {
        exit = null;
        if (token is "unknown")
        {
            exit = new Unknown();
            return true;
        }

        var parts = token?.Split(' ') ?? [];
        if (parts.Length != 2 || !int.TryParse(parts[1], NumberStyles.None, CultureInfo.InvariantCulture, out var number))
            return false;
        exit = parts[0] switch
        {
            "code" => new Code(number),
            "signal" => new Signal(number),
            _ => null,
        };
        return exit is not null;
    }

    private static string NameOf(int number) => number switch
    {
        4 => "SIGILL",
        5 => "SIGTRAP",
        7 => "SIGBUS",
        8 => "SIGFPE",
        11 => "SIGSEGV",
        24 => "SIGXCPU",
        25 => "SIGXFSZ",
        31 => "SIGSYS",
        _ when KnownSignal.TryParse(number.ToString(CultureInfo.InvariantCulture), out var known) => known.Name,
        _ => string.Create(CultureInfo.InvariantCulture, $"signal {number}"),
    };
}

internal sealed class ProcessExitJson : JsonConverter<ProcessExit>
{
    public override ProcessExit Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) =>
        ProcessExit.TryParseToken(reader.GetString(), out var exit) ? exit! : throw new JsonException("an exit is 'code N', 'signal N' or 'unknown'");

    public override void Write(Utf8JsonWriter writer, ProcessExit value, JsonSerializerOptions options) => writer.WriteStringValue(value.ToToken());
}
