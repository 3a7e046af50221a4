using System.Collections.Concurrent;
using System.Text.Json.Nodes;

namespace Conclave.Kubernetes.Tests.ApiServer;

/// <summary>The files in the server's folder by which tests steer it. Read at every request, so that they take effect at once; one that is not there says nothing. Thread-safe.</summary>
internal sealed class Steering(string folder)
{
    /// <summary>Who may do what: a list of verbs for each token.</summary>
    public const string AccessFile = "access.json";

    /// <summary>Watches say nothing while it is there.</summary>
    public const string MuteFile = "mute";

    /// <summary>Which verbs fail, and with which code.</summary>
    public const string FaultFile = "faults.json";

    /// <summary>Which kinds of writes are done and not answered: a list of those of <see cref="Writes"/>.</summary>
    public const string LoseFile = "lose.json";

    /// <summary>Which kinds of writes wait before they are done.</summary>
    public const string HoldFile = "hold.json";

    private readonly ConcurrentDictionary<string, int> _failed = new(StringComparer.Ordinal);

    /// <summary>How many requests have failed by <see cref="FaultFile"/>, by their verbs.</summary>
    public IEnumerable<KeyValuePair<string, int>> Failed => _failed;

    public bool IsMute => File.Exists(Path.Combine(folder, MuteFile));

    public JsonArray? VerbsOf(string token) => Read(AccessFile)?[token] as JsonArray;

    public int? FaultOf(string verb)
    {
        var code = (int?)Read(FaultFile)?[verb];
        if (code is not null)
            _failed.AddOrUpdate(verb, 1, (_, count) => count + 1);
        return code;
    }

    public bool Loses(string kind) => Lists(LoseFile, kind);

    public bool Holds(string kind) => Lists(HoldFile, kind);

    private bool Lists(string file, string kind) => (Read(file) as JsonArray)?.Any(listed => (string?)listed == kind) == true;

    private JsonNode? Read(string file)
    {
        try
        {
            return JsonNode.Parse(File.ReadAllText(Path.Combine(folder, file)));
        }
        catch (FileNotFoundException)
        {
            return null;
        }
    }
}
