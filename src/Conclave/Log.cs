using Microsoft.Extensions.Logging;

namespace Conclave;

/// <summary>Every log event of the library. Information for what happens in a life without faults, Warning for what degrades it, Error for what was given up.</summary>
internal static partial class Log
{
    [LoggerMessage(1, LogLevel.Debug, "Campaigns for {Election}")]
    public static partial void Campaigns(ILogger log, string election);

    [LoggerMessage(2, LogLevel.Information, "Elected: leads {Election} with token {Token} after {Campaign}")]
    public static partial void Elected(ILogger log, string election, FencingToken token, TimeSpan campaign);

    [LoggerMessage(3, LogLevel.Warning, "Lost {Election}, token {Token}, after {Led}: {Reason}")]
    public static partial void Lost(ILogger log, string election, FencingToken token, LossReason? reason, TimeSpan led);

    [LoggerMessage(4, LogLevel.Information, "Resigned from {Election}, token {Token}: {Result}")]
    public static partial void Resigned(ILogger log, string election, FencingToken token, ResignResult result);

    [LoggerMessage(5, LogLevel.Warning, "Election {Election}: attempt {Attempt} of {Attempts} to connect failed, the next in {Pause}: {Problem}")]
    public static partial void ConnectFailed(ILogger log, string election, int attempt, int attempts, TimeSpan pause, string problem);

    [LoggerMessage(6, LogLevel.Error, "The campaign for {Election} was refused")]
    public static partial void CampaignRefused(ILogger log, string election, Exception refusal);

    [LoggerMessage(7, LogLevel.Warning, "Stands back from {Election} for {Pause} after {Failures} failures in a row")]
    public static partial void StandsBack(ILogger log, string election, TimeSpan pause, int failures);

    [LoggerMessage(8, LogLevel.Debug, "{Service} starts to lead {Election} with token {Token}")]
    public static partial void ServiceStarts(ILogger log, string service, string election, FencingToken token);

    [LoggerMessage(9, LogLevel.Information, "{Service} of {Election}, token {Token}, stopped after {Ran}")]
    public static partial void ServiceEnded(ILogger log, string service, string election, FencingToken token, TimeSpan ran);

    [LoggerMessage(10, LogLevel.Warning, "{Service} of {Election}, token {Token}, threw when it was told to stop")]
    public static partial void ServiceEndedBadly(ILogger log, string service, string election, FencingToken token, Exception fault);

    [LoggerMessage(11, LogLevel.Error, "{Service} of {Election}, token {Token}, failed; this instance resigns")]
    public static partial void ServiceFailed(ILogger log, string service, string election, FencingToken token, Exception fault);

    [LoggerMessage(12, LogLevel.Warning, "Services of {Election}, token {Token}, are still at work {Since} after they were told to stop; this instance waits for them")]
    public static partial void ServicesStillAtWork(ILogger log, string election, FencingToken token, TimeSpan since);

    [LoggerMessage(13, LogLevel.Information, "Fit to lead {Election}")]
    public static partial void Fit(ILogger log, string election);

    [LoggerMessage(14, LogLevel.Warning, "Not fit to lead {Election} any more")]
    public static partial void Unfit(ILogger log, string election);

    [LoggerMessage(15, LogLevel.Warning, "Whether this instance is fit to lead {Election} cannot be told, so it does not: {Problem}")]
    public static partial void FitnessUnknown(ILogger log, string election, string problem);

    [LoggerMessage(16, LogLevel.Debug, "{Leader} leads {Election} with token {Token}")]
    public static partial void Leads(ILogger log, string leader, string election, FencingToken token);

    [LoggerMessage(17, LogLevel.Debug, "Nobody leads {Election}")]
    public static partial void NobodyLeads(ILogger log, string election);

    [LoggerMessage(18, LogLevel.Warning, "Who leads {Election} is not seen for the moment: {Problem}")]
    public static partial void WatchEnded(ILogger log, string election, string problem);

    [LoggerMessage(19, LogLevel.Information, "{Service} of {Election}, token {Token}, is done after {Ran}; this instance goes on leading, idle")]
    public static partial void ServiceDone(ILogger log, string service, string election, FencingToken token, TimeSpan ran);

    [LoggerMessage(20, LogLevel.Warning, "What a service of {Election}, token {Token}, had registered with its stopping token threw")]
    public static partial void CallbackThrew(ILogger log, string election, FencingToken token, Exception fault);

    [LoggerMessage(21, LogLevel.Error, "The candidate of {Election} in this host broke")]
    public static partial void CandidateBroke(ILogger log, string election, Exception fault);

    [LoggerMessage(22, LogLevel.Warning, "The container was disposed synchronously, and what was left of {Election} was not given back; the backend ends it with the lease")]
    public static partial void NotLeft(ILogger log, string election, Exception fault);
}
