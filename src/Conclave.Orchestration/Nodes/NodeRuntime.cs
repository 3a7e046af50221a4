namespace Conclave.Orchestration.Nodes;

/// <summary>
/// How the .NET runtime of a node process is set up, which can be said in its environment only, and how that is kept from what the node starts.
/// </summary>
/// <remarks>
/// A node idles, and works hard for half a second when something dies. With tiered compilation it then recompiles what it runs, 20 to 60 ms of a core in each of three nodes, at the
/// very moment when the new process needs the core to start (measured: an instance took twice its own time to start on two busy cores). What was compiled ahead of time is good enough.
/// </remarks>
internal static class NodeRuntime
{
    private const string Tiering = "DOTNET_TieredCompilation";
    private const string OursToTakeBack = "CONCLAVE_TIERING";

    /// <summary>For the environment of a node. Who has set the variable means something by it, and is not overruled.</summary>
    public static Dictionary<string, string?> Environment { get; } = System.Environment.GetEnvironmentVariable(Tiering) is null
        ? new(StringComparer.Ordinal) { [Tiering] = "0", [OursToTakeBack] = "1" }
        : new(StringComparer.Ordinal);

    /// <summary>Takes out of the environment of a child what it would inherit from a node and should not.</summary>
    public static void Withhold(Dictionary<string, string?> environment)
    {
        if (System.Environment.GetEnvironmentVariable(OursToTakeBack) is null)
            return;
        environment.TryAdd(Tiering, null);
        environment[OursToTakeBack] = null;
    }
}
