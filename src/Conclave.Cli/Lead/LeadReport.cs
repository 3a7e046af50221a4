using System.Globalization;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace Conclave.Cli.Lead;

/// <summary>Writes events to standard error: for people, or as one JSON object per line. Standard output is the program's alone.</summary>
internal sealed class LeadReport(TextWriter error, TimeProvider time, RunKind kind, string election, bool json)
{
    public void Tell(LeadEvent happened)
    {
        if (json)
            error.WriteLine(JsonSerializer.Serialize(Document(happened), LeadJson.Default.LeadDocument));
        else if (Text(happened) is { } text)
            error.WriteLine($"conclave: {text}");
    }

    /// <summary>A lock speaks only of what went wrong, as <c>flock(1)</c> does; null: nothing to say.</summary>
    private string? Text(LeadEvent happened) => (happened, kind) switch
    {
        (LeadEvent.NotElected missed, _) => missed.Waited == TimeSpan.Zero
            ? $"'{election}' is held by somebody else"
            : string.Create(CultureInfo.InvariantCulture, $"'{election}' was not free within {missed.Waited.TotalSeconds:0.###} s"),
        (LeadEvent.Lost lost, _) => $"the program was ended: {lost.Why}",
        (LeadEvent.Failed failed, _) => failed.Why,
        (_, RunKind.Lock) => null,
        (LeadEvent.Waiting, _) => $"waits to lead {election}",
        (LeadEvent.Elected elected, _) => $"leads {election}, token {elected.FencingToken}",
        (LeadEvent.Exited exited, _) => $"the program ended with code {exited.Code}",
        (LeadEvent.Started or LeadEvent.Resigned, _) => null,
        _ => throw new System.Diagnostics.UnreachableException(),
    };

    private LeadDocument Document(LeadEvent happened)
    {
        var document = new LeadDocument { Time = time.GetUtcNow(), Event = NameOf(happened), Name = election };
        return happened switch
        {
            LeadEvent.Elected elected => document with { Token = elected.FencingToken.Value, LostAt = elected.LostAt },
            LeadEvent.Started started => document with { Pid = started.Pid },
            LeadEvent.Exited exited => document with { Code = exited.Code },
            LeadEvent.Lost lost => document with { Why = lost.Why },
            LeadEvent.Failed failed => document with { Code = failed.Code, Why = failed.Why },
            LeadEvent.Waiting or LeadEvent.NotElected or LeadEvent.Resigned => document,
            _ => throw new System.Diagnostics.UnreachableException(),
        };
    }

    private static string NameOf(LeadEvent happened) => happened switch
    {
        LeadEvent.Waiting => "waiting",
        LeadEvent.Elected => "elected",
        LeadEvent.NotElected => "not_elected",
        LeadEvent.Started => "started",
        LeadEvent.Exited => "exited",
        LeadEvent.Lost => "lost",
        LeadEvent.Resigned => "resigned",
        LeadEvent.Failed => "failed",
        _ => throw new System.Diagnostics.UnreachableException(),
    };
}

/// <summary>One line of <c>--json</c>. Members that an event does not have are left out.</summary>
internal sealed record LeadDocument
{
    public int V { get; init; } = LeadJson.Version;

    public required DateTimeOffset Time { get; init; }

    public required string Event { get; init; }

    public required string Name { get; init; }

    public long? Token { get; init; }

    public DateTimeOffset? LostAt { get; init; }

    public int? Pid { get; init; }

    public int? Code { get; init; }

    public string? Why { get; init; }
}

/// <summary>The JSON form: snake_case. A member keeps its name and meaning as long as <c>v</c> is the same.</summary>
[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
[JsonSerializable(typeof(LeadDocument))]
internal sealed partial class LeadJson : JsonSerializerContext
{
    /// <summary>The version that this program writes.</summary>
    public const int Version = 1;
}
