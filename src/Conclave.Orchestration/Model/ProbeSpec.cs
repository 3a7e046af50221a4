using System.Collections.Immutable;
using System.Text.Json.Serialization;

namespace Conclave.Orchestration.Model;

/// <summary>How an instance is asked.</summary>
[JsonConverter(typeof(KebabCaseEnum<ProbeKind>))]
public enum ProbeKind
{
    /// <summary>GET; a status of 200 to 399 is a yes.</summary>
    Http,

    /// <summary>A connection that opens is a yes.</summary>
    Tcp,

    /// <summary>A program that ends with exit code 0 is a yes.</summary>
    Command,
}

/// <summary>One question asked of an instance again and again. Equal by value.</summary>
public sealed record ProbeSpec
{
    /// <summary>Which of the fields below count.</summary>
    public required ProbeKind Kind { get; init; }

    /// <summary>Path and query of an HTTP probe.</summary>
    [JsonRequired]
    public string Path { get; init; } = "/";

    /// <summary>Port on 127.0.0.1; null means the instance's own.</summary>
    public int? Port { get; init; }

    /// <summary>Program and arguments of a command probe, placeholders still in it.</summary>
    [JsonRequired]
    public ImmutableArray<string> Command { get; init; } = [];

    /// <summary>From one question to the next. Default 1 s; until an instance was first ready it is asked much more often.</summary>
    [JsonRequired]
    public TimeSpan Interval { get; init; } = TimeSpan.FromSeconds(1);

    /// <summary>An answer later than this is a no. Default 500 ms.</summary>
    [JsonRequired]
    public TimeSpan Timeout { get; init; } = TimeSpan.FromMilliseconds(500);

    /// <summary>That many in a row count as failed. Default 3.</summary>
    [JsonRequired]
    public int Failures { get; init; } = 3;

    /// <inheritdoc/>
    public bool Equals(ProbeSpec? other) =>
        other is not null && Kind == other.Kind && Path == other.Path && Port == other.Port
        && Command.SequenceEqual(other.Command, StringComparer.Ordinal)
        && Interval == other.Interval && Timeout == other.Timeout && Failures == other.Failures;

    /// <inheritdoc/>
    public override int GetHashCode() => HashCode.Combine(Kind, Path, Port, Command.Length, Interval, Timeout, Failures);
}
