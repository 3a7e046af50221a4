using System.Text.Json;
using System.Text.Json.Serialization;

namespace Conclave.Cli.Elections;

/// <summary>One who stands, in the documents of <c>conclave election</c>.</summary>
internal sealed record CandidateDocument(string Value, long Token, string Key, string? Lease, DateTimeOffset? Since, double? TtlSeconds, double? LeftSeconds)
{
    public static CandidateDocument Of(StandingCandidate candidate, LeaseTerm? term = null) =>
        new(candidate.Value, candidate.FencingToken.Value, candidate.Key, candidate.Lease, candidate.Since, term?.Ttl.TotalSeconds, term?.Left?.TotalSeconds);
}

/// <summary>Who leads, as an observer is told.</summary>
internal sealed record LeaderDocument(string Value, long Token);

/// <summary>Of <c>election list</c>.</summary>
internal sealed record ElectionListDocument(int V, string Backend, IReadOnlyList<FoundElectionDocument> Elections);

/// <summary>One line of the list.</summary>
internal sealed record FoundElectionDocument(string Name, LeaderDocument Leader, int? Candidates);

/// <summary>Of <c>election show</c>.</summary>
internal sealed record ElectionDocument(int V, string Backend, string Name, CandidateDocument Leader, IReadOnlyList<CandidateDocument>? Waiting);

/// <summary>One line of <c>election observe</c>.</summary>
/// <param name="Leader">Null, and written so: nobody leads.</param>
/// <param name="Gap">Changes before this one were missed and can no longer be told.</param>
internal sealed record ObservedDocument(int V, DateTimeOffset Time, string Name, [property: JsonIgnore(Condition = JsonIgnoreCondition.Never)] LeaderDocument? Leader, bool Gap);

/// <summary>Of <c>election resign</c>.</summary>
/// <param name="Removed">False: it had gone by itself in the same moment.</param>
internal sealed record ResignedDocument(int V, string Name, LeaderDocument Leader, bool Removed);

/// <summary>The JSON forms: snake_case, what is not known left out, times in UTC. A member keeps its name and meaning as long as <c>v</c> is the same; readers ignore those that they do not know.</summary>
[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
[JsonSerializable(typeof(ElectionListDocument))]
[JsonSerializable(typeof(ElectionDocument))]
[JsonSerializable(typeof(ObservedDocument))]
[JsonSerializable(typeof(ResignedDocument))]
internal sealed partial class ElectionJson : JsonSerializerContext
{
    /// <summary>The version that this program writes.</summary>
    public const int Version = 1;
}
