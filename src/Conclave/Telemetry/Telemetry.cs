using System.Diagnostics;
using System.Diagnostics.Metrics;

namespace Conclave;

/// <summary>
/// What elections tell of themselves, by the names under which OpenTelemetry collects it: <c>AddMeter(Telemetry.MeterName)</c>, <c>AddSource(Telemetry.ActivitySourceName)</c>.
/// The instruments are listed in docs/election-library.md; names, units and tags are part of the public surface.
/// </summary>
public static class Telemetry
{
    /// <summary>Of the meter.</summary>
    public const string MeterName = "Conclave";

    /// <summary>Of the activity source.</summary>
    public const string ActivitySourceName = "Conclave";

    internal const string ElectionTag = "conclave.election.name";
    internal const string TokenTag = "conclave.fencing_token";
    internal const string ServiceTag = "conclave.service.type";
    private const string ReasonTag = "conclave.loss.reason";
    private const string OutcomeTag = "conclave.renewal.outcome";
    private const string ErrorTag = "error.type";

    private static readonly Meter Meter = new(MeterName);

    private static readonly Counter<long> Leaderships =
        Meter.CreateCounter<long>("conclave.election.leaderships", "{leadership}", "Leaderships won by this process.");

    private static readonly Counter<long> Losses =
        Meter.CreateCounter<long>("conclave.election.losses", "{leadership}", "Leaderships of this process that ended, by reason.");

    private static readonly UpDownCounter<long> Leading =
        Meter.CreateUpDownCounter<long>("conclave.election.leading", "{leadership}", "Leaderships that this process holds.");

    private static readonly Histogram<double> CampaignDuration =
        Meter.CreateHistogram<double>("conclave.election.campaign.duration", "s", "From the start of a campaign to the election.");

    private static readonly Histogram<double> LeadershipDuration =
        Meter.CreateHistogram<double>("conclave.election.leadership.duration", "s", "From the election to the end of the leadership.");

    private static readonly UpDownCounter<long> Vacant =
        Meter.CreateUpDownCounter<long>("conclave.election.vacant", "{election}", "Elections that this process sees without a leader.");

    private static readonly Histogram<double> VacancyDuration =
        Meter.CreateHistogram<double>("conclave.election.vacancy.duration", "s", "Time without a leader, as observed by this process, recorded when the next leader comes.");

    private static readonly Counter<long> ServiceFailures =
        Meter.CreateCounter<long>("conclave.election.service.failures", "{failure}", "Leader services that threw while leading.");

    private static readonly Counter<long> Renewals =
        Meter.CreateCounter<long>("conclave.lease.renewals", "{renewal}", "Attempts to renew a lease, by outcome.");

    private static readonly Histogram<double> LeaseMargin =
        Meter.CreateHistogram<double>("conclave.lease.margin", "s", "What was left of the lease for us when the outcome of a renewal was known.");

    internal static ActivitySource Activities { get; } = new(ActivitySourceName);

    internal static void Elected(string election, TimeSpan campaign)
    {
        var tag = Of(election);
        Leaderships.Add(1, tag);
        Leading.Add(1, tag);
        CampaignDuration.Record(campaign.TotalSeconds, tag);
    }

    internal static void Lost(string election, LossReason? reason, TimeSpan leadership)
    {
        var tag = Of(election);
        Leading.Add(-1, tag);
        Losses.Add(1, tag, new(ReasonTag, reason?.ToString()));
        LeadershipDuration.Record(leadership.TotalSeconds, tag);
    }

    internal static void BecameVacant(string election) => Vacant.Add(1, Of(election));

    internal static void NoLongerVacant(string election) => Vacant.Add(-1, Of(election));

    internal static void WasVacantFor(string election, TimeSpan duration) => VacancyDuration.Record(duration.TotalSeconds, Of(election));

    /// <summary>
    /// A service's work within one leadership, told when it is over: a running activity would become the parent of everything that the service does in hours.
    /// </summary>
    internal static void Led(Leadership leadership, string service, TimeSpan ran, Exception? failure)
    {
        using var activity = Activities.StartActivity("conclave.lead", ActivityKind.Internal, parentContext: default, startTime: DateTimeOffset.UtcNow - ran);
        activity?.SetTag(ElectionTag, leadership.Election).SetTag(ServiceTag, service).SetTag(TokenTag, leadership.FencingToken.Value);
        if (failure is null)
            return;
        activity?.SetStatus(ActivityStatusCode.Error, failure.Message);
        ServiceFailures.Add(1, Of(leadership.Election), new(ServiceTag, service), new(ErrorTag, failure.GetType().FullName));
    }

    internal static void Renewed(Renewal renewal, TimeSpan margin)
    {
        Renewals.Add(1, new KeyValuePair<string, object?>(OutcomeTag, renewal switch
        {
            Renewal.Granted => "granted",
            Renewal.Refused => "refused",
            Renewal.Unknown => "unknown",
            _ => throw new UnreachableException($"No name for {renewal}."),
        }));
        LeaseMargin.Record(Math.Max(0, margin.TotalSeconds));
    }

    private static KeyValuePair<string, object?> Of(string election) => new(ElectionTag, election);
}
