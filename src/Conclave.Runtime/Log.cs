using Conclave.Consensus;
using Conclave.Consensus.Raft;
using Conclave.Runtime.Peers;
using Microsoft.Extensions.Logging;

namespace Conclave.Runtime;

/// <summary>Every line that this project logs.</summary>
internal static partial class Log
{
    [LoggerMessage(1, LogLevel.Information, "{Member} is {Role} in term {Term}, leader {Leader}: {Why}")]
    public static partial void RoleChanged(ILogger log, PeerId member, Role role, Term term, PeerId? leader, string why);

    [LoggerMessage(2, LogLevel.Information, "{Member} starts from {Directory}: term {Term}, snapshot {Snapshot}, last entry {Last}")]
    public static partial void Started(ILogger log, PeerId member, string directory, Term term, LogIndex snapshot, EntryId last);

    [LoggerMessage(3, LogLevel.Error, "{Member} has stopped and answers nothing more")]
    public static partial void Failed(ILogger log, PeerId member, Exception why);

    [LoggerMessage(4, LogLevel.Debug, "Peer {Peer} connected")]
    public static partial void PeerConnected(ILogger log, PeerId peer);

    [LoggerMessage(5, LogLevel.Debug, "Peer {Peer} lost")]
    public static partial void PeerLost(ILogger log, PeerId peer);

    [LoggerMessage(6, LogLevel.Debug, "Peer {Peer} cannot be reached at {Address}: {Why}")]
    public static partial void CannotReachPeer(ILogger log, PeerId peer, PeerAddress address, string why);

    [LoggerMessage(7, LogLevel.Warning, "Peer {Peer} at {Address} does not talk to us: {Why}")]
    public static partial void PeerTurnedUsAway(ILogger log, PeerId peer, PeerAddress address, string why);

    [LoggerMessage(8, LogLevel.Warning, "A peer's stream was closed, it cannot be understood: {Why}")]
    public static partial void PeerNotUnderstood(ILogger log, string why);

    [LoggerMessage(9, LogLevel.Warning, "Peer {Peer} was turned away: {Why}")]
    public static partial void PeerRefusedByUs(ILogger log, PeerId peer, string why);

    [LoggerMessage(10, LogLevel.Warning, "{Member}: a turn took {Elapsed} ms, {Collecting} ms of it garbage collection; a heartbeat may be late")]
    public static partial void SlowTurn(ILogger log, PeerId member, long elapsed, long collecting);

    [LoggerMessage(11, LogLevel.Warning, "{Member}: inputs are dropped, {Count} wait already")]
    public static partial void InputsDropped(ILogger log, PeerId member, int count);
}
