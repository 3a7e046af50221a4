using System.Collections.Immutable;

namespace Conclave.Cli;

/// <summary>A peer named on the command line.</summary>
/// <param name="Url">Where it takes messages of other peers.</param>
internal sealed record PeerUrl(string Name, Uri Url);

/// <summary>The flags of <c>conclave serve</c>, with etcd's names and defaults, checked.</summary>
internal sealed record ServeOptions
{
    public string Name { get; init; } = "default";

    /// <summary>Absolute. Default <c>&lt;name&gt;.etcd</c> in the working directory, as etcd does.</summary>
    public required string DataDir { get; init; }

    public ImmutableArray<Uri> ListenClientUrls { get; init; } = [new("http://localhost:2379")];

    public ImmutableArray<Uri> AdvertiseClientUrls { get; init; } = [new("http://localhost:2379")];

    public ImmutableArray<Uri> ListenPeerUrls { get; init; } = [new("http://localhost:2380")];

    public ImmutableArray<Uri> InitialAdvertisePeerUrls { get; init; } = [new("http://localhost:2380")];

    /// <summary>Every member of a new group, this one included. Default: this one alone.</summary>
    public ImmutableArray<PeerUrl> InitialCluster { get; init; } = [];

    /// <summary>Joins a group that runs already instead of beginning one.</summary>
    public bool JoinsExisting { get; init; }

    /// <summary>Keeps groups apart that were begun with the same names.</summary>
    public string InitialClusterToken { get; init; } = "etcd-cluster";

    public TimeSpan HeartbeatInterval { get; init; } = TimeSpan.FromMilliseconds(100);

    public TimeSpan ElectionTimeout { get; init; } = TimeSpan.FromMilliseconds(1000);

    /// <summary>Allows to listen beyond loopback without TLS.</summary>
    public bool Insecure { get; init; }
}
