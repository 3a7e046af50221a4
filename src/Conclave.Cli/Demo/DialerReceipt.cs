using System.Collections.Immutable;
using System.Globalization;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace Conclave.Cli.Demo;

/// <summary>Who led.</summary>
internal sealed record DemoLeader(string Instance, long Token);

/// <summary>A fault that was injected into the lane with election.</summary>
/// <param name="Fault">What was done to the leader.</param>
/// <param name="AtCustomers">Customers that had been called by then.</param>
/// <param name="Before">The one that it was done to.</param>
/// <param name="After">The next.</param>
/// <param name="SecondsWithoutLeader">From the fault to the next leader's election.</param>
internal sealed record FaultReceipt(string Fault, int AtCustomers, DemoLeader Before, DemoLeader After, double SecondsWithoutLeader);

/// <summary>A lane as its bill and its API say.</summary>
internal sealed record LaneReceipt
{
    public required int Instances { get; init; }

    public required long CallsBilled { get; init; }

    public required int CustomersCalled { get; init; }

    public required int CustomersNotCalled { get; init; }

    public required int CustomersCalledMoreThanOnce { get; init; }

    /// <summary>Requests of former leaders that the API refused.</summary>
    public required long RefusedForStaleToken { get; init; }

    /// <summary>Repeated requests that the API knew by their idempotency key.</summary>
    public required long AbsorbedByKey { get; init; }

    /// <summary>Calls of former leaders that the API made all the same.</summary>
    public required long LateCallsBilled { get; init; }

    public required double Seconds { get; init; }

    /// <summary>Each customer has one call on the bill, and nobody else has any.</summary>
    public required bool ExactlyOnce { get; init; }

    public static LaneReceipt Of(LaneTally tally, int instances, TelephonyStatistics statistics, TimeSpan took) => new()
    {
        Instances = instances,
        CallsBilled = tally.CallsBilled,
        CustomersCalled = tally.CustomersCalled,
        CustomersNotCalled = tally.Customers - tally.CustomersCalled,
        CustomersCalledMoreThanOnce = tally.CustomersCalledMoreThanOnce,
        RefusedForStaleToken = statistics.Refused,
        AbsorbedByKey = statistics.Absorbed,
        LateCallsBilled = tally.LateCalls,
        Seconds = DialerReceipt.Rounded(took),
        ExactlyOnce = tally.IsExactlyOnce,
    };
}

/// <summary>What the demo ends with. Pure.</summary>
internal sealed record DialerReceipt
{
    public int V { get; init; } = 1;

    public required bool Passed { get; init; }

    public required string Verdict { get; init; }

    public required int Customers { get; init; }

    public required LaneReceipt WithoutElection { get; init; }

    public required LaneReceipt WithElection { get; init; }

    public required ImmutableArray<FaultReceipt> Faults { get; init; }

    public required double Seconds { get; init; }

    /// <summary>Where bills and logs are, when they were kept.</summary>
    public string? Directory { get; init; }

    public static DialerReceipt Of(DialerDemoOptions options, LaneReceipt without, LaneReceipt with, ImmutableArray<FaultReceipt> faults, TimeSpan took) => new()
    {
        Passed = with.ExactlyOnce,
        Verdict = VerdictOf(options, with, faults.Length),
        Customers = options.Customers,
        WithoutElection = without,
        WithElection = with,
        Faults = faults,
        Seconds = Rounded(took),
    };

    public string Json() => JsonSerializer.Serialize(this, ReceiptJson.Default.DialerReceipt);

    internal static double Rounded(TimeSpan duration) => Math.Round(duration.TotalSeconds, 2);

    private static string VerdictOf(DialerDemoOptions options, LaneReceipt with, int faults)
    {
        if (with.ExactlyOnce)
            return string.Create(CultureInfo.InvariantCulture, $"with the election each of {options.Customers:N0} customers was called exactly once, through {faults} faults of the leader");
        var wrong = new List<string>();
        if (with.CustomersCalledMoreThanOnce > 0)
            wrong.Add(string.Create(CultureInfo.InvariantCulture, $"{with.CustomersCalledMoreThanOnce:N0} customers were called more than once"));
        if (with.CustomersNotCalled > 0)
            wrong.Add(string.Create(CultureInfo.InvariantCulture, $"{with.CustomersNotCalled:N0} customers were not called"));
        if (wrong.Count == 0)
            wrong.Add("somebody was called who is no customer");
        var because = options.Without switch
        {
            MissingDefence.Token => "; the API did not look at the token",
            MissingDefence.Key => "; the API knew no keys",
            _ => "",
        };
        return $"not exactly once: {string.Join(", ", wrong)}{because}";
    }
}

/// <summary>What <c>GET /statistics</c> of the telephony API answers.</summary>
internal sealed record TelephonyStatistics(long Billed, long Refused, long Absorbed, int Announced, int UnderWay)
{
    public static TelephonyStatistics None { get; } = new(0, 0, 0, 0, 0);
}

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
[JsonSerializable(typeof(DialerReceipt))]
internal sealed partial class ReceiptJson : JsonSerializerContext;

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase)]
[JsonSerializable(typeof(TelephonyStatistics))]
internal sealed partial class TelephonyJson : JsonSerializerContext;
