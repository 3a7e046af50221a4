namespace Conclave.Consensus.Raft;

/// <summary>
/// Known mistakes that can be switched on. They exist only so that tests can prove that the checkers see: a random test
/// that does not find these finds nothing. Not reachable from outside the simulator and the tests.
/// </summary>
[Flags]
internal enum PlantedBug
{
    None = 0,

    /// <summary>A restarted peer does not remember whom it voted for, and so may vote twice in a term: two leaders.</summary>
    ForgetVoteOnRestart = 1,

    /// <summary>
    /// A leader commits an older term's entry because a majority holds it (Raft figure 8): a committed entry may be overwritten. As in the figure it
    /// begins its term without an empty entry; that entry travels with the older ones and would hide most of the damage.
    /// </summary>
    CommitOlderTermByCounting = 2,
}
