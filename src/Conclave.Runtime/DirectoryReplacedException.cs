using Conclave.Consensus;

namespace Conclave.Runtime;

/// <summary>
/// A member came with another data directory than the one it is known by, so it holds neither what it acknowledged nor whom it voted for, and counted as itself could help to elect a
/// leader that lacks an acknowledged write. It ends; nothing was changed.
/// </summary>
public sealed class DirectoryReplacedException(PeerId member, PeerId knownBy) : Exception(
    $"Member {knownBy} knows member {member} by another data directory: the one it had was emptied or replaced, and what it had acknowledged is not in this one. It must not vote and has stopped. "
    + "If the old directory still exists, start the member with it. If it is lost: see that all other members are up and have caught up, delete the file "
    + $"peers/{member} in the data directory of each of them, restart the leader, then start this member again; it will catch up from them.")
{
    /// <summary>Whose directory it is.</summary>
    public PeerId Member { get; } = member;

    /// <summary>Who knows it by another.</summary>
    public PeerId KnownBy { get; } = knownBy;
}
