using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text;
using Conclave.Consensus;
using Conclave.Store;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;

namespace Conclave.Runtime;

/// <summary>A member of the cluster, this one included.</summary>
/// <param name="Id">Its id, the same on every member: see <see cref="ClusterIdentity"/>.</param>
/// <param name="Name">For people.</param>
/// <param name="PeerUrls">Where it listens for its peers: <c>http://host:port</c> or <c>unix://path</c>. Tried in turn.</param>
public sealed record MemberAddress(PeerId Id, string Name, IReadOnlyList<string> PeerUrls);

/// <summary>Settings of a <see cref="LocalMember"/>.</summary>
public sealed record LocalMemberOptions
{
    /// <summary>Which of <see cref="Members"/> this one is.</summary>
    public required PeerId Id { get; init; }

    /// <summary>The cluster. A data directory of another one is refused.</summary>
    public required ClusterId Cluster { get; init; }

    /// <summary>Everyone who votes, this member included. The same on every member.</summary>
    public required IReadOnlyList<MemberAddress> Members { get; init; }

    /// <summary>Made with mode 0700 when it is not there; held exclusively.</summary>
    public required string DataDirectory { get; init; }

    /// <summary>Where this member listens for its peers. Default: its own <see cref="MemberAddress.PeerUrls"/>.</summary>
    public IReadOnlyList<string>? ListenPeerUrls { get; init; }

    /// <summary>Where clients reach this member; published to the others through the log once there is a leader. Empty: nothing is published.</summary>
    public IReadOnlyList<string> ClientUrls { get; init; } = [];

    /// <summary>Between a leader's heartbeats. Default 100 ms, etcd's.</summary>
    public TimeSpan HeartbeatInterval { get; init; } = TimeSpan.FromMilliseconds(100);

    /// <summary>Without word from a leader before a follower campaigns; at least five heartbeats. Default 1 s, etcd's.</summary>
    public TimeSpan ElectionTimeout { get; init; } = TimeSpan.FromSeconds(1);

    /// <summary>How long a proposal, read or renewal waits at most. Default: 5 s and two election timeouts, etcd's.</summary>
    public TimeSpan? RequestTimeout { get; init; }

    /// <summary>The replica's other settings. Its ids, memberships, ticks and request timeout are set from the properties here.</summary>
    public Func<ReplicaOptions, ReplicaOptions> Configure { get; init; } = options => options;

    /// <summary>
    /// Told each time that no process listens at a peer's address, with the store as it is then: nothing that a later process of that peer did is in it yet. Runs on the loop, so it
    /// must be short, must not block, and must not keep what it was given. Default: nothing.
    /// </summary>
    public Action<PeerId, Applier>? OnPeerRefused { get; init; }

    /// <summary>Inputs that may wait for the loop; beyond it requests are answered as busy and peers' messages dropped. Default 65,536.</summary>
    public int MaxQueuedInputs { get; init; } = 65_536;

    /// <summary>Bytes that may wait for one peer's socket; beyond it messages to it are dropped. Default 64 MiB.</summary>
    public int MaxQueuedPeerBytes { get; init; } = 64 << 20;

    /// <summary>Where lines go. Default nowhere.</summary>
    public ILogger Logger { get; init; } = NullLogger.Instance;
}

/// <summary>
/// Ids that every member of a new cluster derives alike, as etcd does from its flags: the first eight bytes (little-endian) of SHA-256 over the sorted peer URLs, each
/// followed by a zero byte, and the cluster's token. Zero, which is nobody, becomes one.
/// </summary>
public static class ClusterIdentity
{
    /// <summary>A member's id, from its own peer URLs.</summary>
    public static PeerId MemberId(string token, IEnumerable<string> peerUrls) => new(Hash(token, peerUrls));

    /// <summary>The cluster's id, from the ids of all members.</summary>
    public static ClusterId ClusterId(string token, IEnumerable<PeerId> members) => new(Hash(token, members.Select(m => m.ToString())));

    private static ulong Hash(string token, IEnumerable<string> parts)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        foreach (var part in parts.Order(StringComparer.Ordinal))
        {
            hash.AppendData(Encoding.UTF8.GetBytes(part));
            hash.AppendData([0]);
        }

        hash.AppendData(Encoding.UTF8.GetBytes(token));
        return Math.Max(1, BinaryPrimitives.ReadUInt64LittleEndian(hash.GetHashAndReset()));
    }
}
