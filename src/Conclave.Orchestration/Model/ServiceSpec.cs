using System.Collections.Immutable;
using System.Text.Json.Serialization;

namespace Conclave.Orchestration.Model;

/// <summary>When an instance that ended is started again.</summary>
[JsonConverter(typeof(KebabCaseEnum<RestartMode>))]
public enum RestartMode
{
    /// <summary>Whatever the exit code.</summary>
    Always,

    /// <summary>Only after a signal or an exit code other than 0.</summary>
    OnFailure,

    /// <summary>It ran once.</summary>
    Never,
}

/// <summary>One program that the user wants to run, and how many of it. Equal by value.</summary>
public sealed record ServiceSpec
{
    /// <summary>Most instances that one service may have; ports, probes and the store are sized for that many.</summary>
    public const int ReplicasMax = 1_000;

    /// <summary>Lower-case letters, digits and dashes, beginning with a letter; <c>gateway</c> is taken.</summary>
    public required string Name { get; init; }

    /// <summary>Program and arguments, started without a shell, placeholders still in it: see <see cref="CommandLine"/>.</summary>
    public required ImmutableArray<string> Command { get; init; }

    /// <summary>Absolute working directory.</summary>
    public required string Directory { get; init; }

    /// <summary>Added to the environment of Conclave itself; <c>env_file</c> is merged in, <c>environment</c> wins over it.</summary>
    [JsonRequired]
    public ImmutableSortedDictionary<string, string> Environment { get; init; } =
        ImmutableSortedDictionary.Create<string, string>(StringComparer.Ordinal);

    /// <summary>Instances wanted. Default 1.</summary>
    [JsonRequired]
    public int Replicas { get; init; } = 1;

    /// <summary>Decides whether the gateway sends requests. Null: a running instance is a ready one.</summary>
    public ProbeSpec? Ready { get; init; }

    /// <summary>Decides whether a hung instance is replaced. Null: only its exit is noticed.</summary>
    public ProbeSpec? Live { get; init; }

    /// <summary>Until it first succeeds <see cref="Live"/> is not asked. Null: no such phase.</summary>
    public ProbeSpec? Start { get; init; }

    /// <summary>Default <see cref="RestartMode.Always"/>.</summary>
    [JsonRequired]
    public RestartMode Restart { get; init; }

    /// <summary>Asks an instance to end. Default SIGTERM.</summary>
    [JsonRequired]
    public Signal StopSignal { get; init; } = Signal.Term;

    /// <summary>Time between <see cref="StopSignal"/> and SIGKILL. Default 20 s.</summary>
    [JsonRequired]
    public TimeSpan StopGracePeriod { get; init; } = TimeSpan.FromSeconds(20);

    /// <summary>Changes exactly when running instances must be restarted to match: command, directory, environment.
    /// Counts, probes, restart mode and the way of stopping take effect on a running instance and are not part of it.</summary>
    [JsonIgnore]
    public string Hash => ContentHash.Of(this);

    /// <inheritdoc/>
    public bool Equals(ServiceSpec? other) =>
        other is not null && Name == other.Name && Command.SequenceEqual(other.Command, StringComparer.Ordinal) && Directory == other.Directory
        && Environment.SequenceEqual(other.Environment) && Replicas == other.Replicas && Ready == other.Ready && Live == other.Live
        && Start == other.Start && Restart == other.Restart && StopSignal == other.StopSignal && StopGracePeriod == other.StopGracePeriod;

    /// <inheritdoc/>
    public override int GetHashCode() => HashCode.Combine(Name, Command.Length, Directory, Environment.Count, Replicas, Restart);
}
