using System.Text.Json.Serialization;
using Conclave.Orchestration.Model;

namespace Conclave.Orchestration.Processes;

/// <summary>How far an instance got, as its worker last wrote it down.</summary>
[JsonConverter(typeof(KebabCaseEnum<InstanceRecordState>))]
public enum InstanceRecordState
{
    /// <summary>Written before the spawn: a process may or may not exist; CONCLAVE_INSTANCE in its environment finds it.</summary>
    Starting,

    /// <summary>Written after the spawn, with the identity of the process.</summary>
    Running,

    /// <summary>Asked to end; a successor goes on stopping it and does not restart it.</summary>
    Stopping,

    /// <summary>No process; the port and the count of restarts are kept.</summary>
    Exited,
}

/// <summary>What a worker must know about an instance that it did not start. One JSON file each; written before the act it tells of.</summary>
public sealed record InstanceRecord
{
    /// <summary>The version that this program writes.</summary>
    public const int Version = 1;

    /// <summary>The version it was written with.</summary>
    public int V { get; init; } = Version;

    /// <summary>The name of the service: <c>web</c>.</summary>
    public required string Service { get; init; }

    /// <summary>The number within the service, from 1.</summary>
    public required int Number { get; init; }

    /// <summary><c>web/2</c>.</summary>
    [JsonIgnore]
    public string Id => string.Create(System.Globalization.CultureInfo.InvariantCulture, $"{Service}/{Number}");

    /// <summary>How far it got.</summary>
    public required InstanceRecordState State { get; init; }

    /// <summary>Kept over restarts. 0: it has none.</summary>
    public int Port { get; init; }

    /// <summary><see cref="ServiceSpec.Hash"/> of what was started; another hash now means that it must be restarted.</summary>
    public required string SpecHash { get; init; }

    /// <summary>Grows with each start that somebody ordered (<c>restart web</c>), so that one order is not carried out twice.</summary>
    public long Generation { get; init; }

    /// <summary>The process; null before the spawn and after the end.</summary>
    public ProcessIdentity? Process { get; init; }

    /// <summary>Absolute path of the file that has its output.</summary>
    public required string LogFile { get; init; }

    /// <summary>How often it was restarted since it was placed here.</summary>
    public int Restarts { get; init; }

    /// <summary>Whether it served when last looked at: a successor that adopts it believes so until a probe says otherwise.</summary>
    public bool WasReady { get; init; }

    /// <summary>Whether this process ever was ready: then its start is over, and a successor that adopts it while it hangs counts what its live probe fails.</summary>
    public bool HasServed { get; init; }

    /// <summary>How the process before this one ended; null when there was none.</summary>
    public ProcessExit? LastExit { get; init; }

    /// <summary>When <see cref="State"/> was entered or <see cref="WasReady"/> changed.</summary>
    public required DateTimeOffset Since { get; init; }
}

[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower,
    DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
    WriteIndented = true)]
[JsonSerializable(typeof(InstanceRecord))]
internal sealed partial class InstanceRecordJson : JsonSerializerContext;
