namespace Conclave.Server.Services;

/// <summary>What watches may take, and how often idle ones hear something.</summary>
public sealed record WatchLimits
{
    /// <summary>Responses waiting for one stream's client; a watch that finds it full catches up from history later. Default 64.</summary>
    public int QueuedResponsesMax { get; init; } = 64;

    /// <summary>Watches on one stream. Default 65,536.</summary>
    public int WatchesPerStreamMax { get; init; } = 65_536;

    /// <summary>Larger responses are split for watches that asked for fragments, in bytes. Default 2 MiB, as in etcd: 1.5 MiB and an overhead.</summary>
    public int FragmentBytes { get; init; } = 2 << 20;

    /// <summary>How often an idle watch that asked for progress hears the revision. Default 10 min, as in etcd.</summary>
    public TimeSpan ProgressInterval { get; init; } = TimeSpan.FromMinutes(10);
}
