using Microsoft.Extensions.Logging;

namespace Conclave.Peers;

/// <summary>Every line that this project logs itself; the member's own lines are <c>Conclave.Runtime</c>'s.</summary>
internal static partial class Log
{
    [LoggerMessage(1, LogLevel.Information, "Group {Group}: member {Name} ({Member}) listens at {Address}; the group is {Members}")]
    public static partial void Started(ILogger log, string group, string name, string member, string address, string members);

    [LoggerMessage(2, LogLevel.Warning, "Group {Group}: {Doubt}")]
    public static partial void Doubtful(ILogger log, string group, string doubt);

    [LoggerMessage(3, LogLevel.Information, "Group {Group}: member {Name} refuses connections, its {Count} lease(s) are ended before their time (FastPreVote)")]
    public static partial void EndsLeasesOfRefused(ILogger log, string group, string name, int count);

    [LoggerMessage(4, LogLevel.Critical, "Group {Group}: this member has ended and takes part in no election any more; the host stops")]
    public static partial void MemberEnded(ILogger log, string group, Exception why);

    [LoggerMessage(5, LogLevel.Debug, "Group {Group}: history before revision {Revision} is given up")]
    public static partial void Compacted(ILogger log, string group, long revision);
}
