using System.Globalization;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;

namespace Conclave.Kubernetes.Tests.ApiServer;

/// <summary>What an API server demands of a Lease, and what it makes of the times in it.</summary>
internal static partial class LeaseRules
{
    private const int AnnotationBytesMax = 256 * 1024;

    public static JsonObject Metadata(JsonObject lease) => lease["metadata"]?.AsObject() ?? throw new RefusalException(400, "BadRequest", "metadata is missing");

    /// <summary>Checks, and writes times as the real one stores them.</summary>
    public static void Check(string name, JsonObject lease)
    {
        if (name.Length > 253 || !Subdomain().IsMatch(name))
            throw Invalid(name, $"metadata.name: Invalid value: \"{name}\": a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.'");
        if (Metadata(lease)["annotations"] is JsonObject annotations && annotations.Sum(one => one.Key.Length + one.Value!.ToString().Length) > AnnotationBytesMax)
            throw Invalid(name, "metadata.annotations: Too long: must have at most 262144 bytes");
        if (lease["spec"] is not JsonObject spec)
            return;
        if (spec["leaseDurationSeconds"] is { } duration && (int)duration <= 0)
            throw Invalid(name, $"spec.leaseDurationSeconds: Invalid value: {duration}: must be greater than 0");
        if (spec["leaseTransitions"] is { } transitions && (int)transitions < 0)
            throw Invalid(name, $"spec.leaseTransitions: Invalid value: {transitions}: must be greater than or equal to 0");
        foreach (var field in (string[])["acquireTime", "renewTime"])
        {
            if (spec[field] is { } time)
                spec[field] = MicroTime((string)time!);
        }

        foreach (var (field, value) in spec.ToArray())
        {
            if (value is null)
                spec.Remove(field);
        }
    }

    public static RefusalException Invalid(string name, string problem) => new(422, "Invalid", $"Lease.coordination.k8s.io \"{name}\" is invalid: {problem}");

    /// <summary>RFC 7386.</summary>
    public static JsonObject Merge(JsonObject into, JsonObject patch)
    {
        foreach (var (field, value) in patch)
        {
            if (value is null)
                into.Remove(field);
            else if (value is JsonObject inner)
                into[field] = Merge(into[field]?.DeepClone() as JsonObject ?? [], inner);
            else
                into[field] = value.DeepClone();
        }

        return into;
    }

    // Go's layout 2006-01-02T15:04:05.000000Z07:00: six digits, no more and no less, in any zone.
    private static string MicroTime(string text) =>
        Micro().IsMatch(text) && DateTimeOffset.TryParse(text, CultureInfo.InvariantCulture, out var time)
            ? time.UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm:ss.ffffff'Z'", CultureInfo.InvariantCulture)
            : throw new RefusalException(400, "BadRequest", $"parsing time \"{text}\" as \"2006-01-02T15:04:05.000000Z07:00\": cannot parse");

    [GeneratedRegex(@"\A[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*\z", RegexOptions.ExplicitCapture)]
    private static partial Regex Subdomain();

    [GeneratedRegex(@"\A\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}(Z|[+-]\d\d:\d\d)\z", RegexOptions.ExplicitCapture)]
    private static partial Regex Micro();
}
