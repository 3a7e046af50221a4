using Conclave.Orchestration.Cluster;
using Conclave.Orchestration.Model;
using Microsoft.Extensions.Logging;

namespace Conclave.Orchestration;

/// <summary>What leader, worker and keeper say in a node's log.</summary>
internal static partial class Log
{
    [LoggerMessage(EventId = 1, Level = LogLevel.Warning, Message = "The store cannot be asked, the last view stands: {Reason}")]
    public static partial void StoreUnavailable(this ILogger log, string reason);

    [LoggerMessage(EventId = 2, Level = LogLevel.Warning, Message = "Reports wait for the store: {Reason}")]
    public static partial void ReportsWait(this ILogger log, string reason);

    [LoggerMessage(EventId = 3, Level = LogLevel.Warning, Message = "The campaign failed and is tried again: {Reason}")]
    public static partial void CampaignFailed(this ILogger log, string reason);

    [LoggerMessage(EventId = 4, Level = LogLevel.Debug, Message = "A client of the control socket is gone: {Reason}")]
    public static partial void ControlClientGone(this ILogger log, string reason);

    [LoggerMessage(EventId = 5, Level = LogLevel.Error, Message = "Node {Node} could not be started: {Reason}")]
    public static partial void NodeStartFailed(this ILogger log, string node, string reason);

    [LoggerMessage(EventId = 6, Level = LogLevel.Information, Message = "{Instance} is {State}. {Why}")]
    public static partial void InstanceIs(this ILogger log, InstanceId instance, RunState state, string why);

    [LoggerMessage(EventId = 7, Level = LogLevel.Warning, Message = "Record {File} cannot be read ({Reason}); kept as {MovedTo}")]
    public static partial void RecordDamaged(this ILogger log, string file, string reason, string movedTo);
}
