namespace Conclave.Orchestration.Nodes;

/// <summary>
/// How the .NET runtime of a node process is set up, which can be said in its environment only, and how that is kept from what the node starts.
/// </summary>
/// <remarks>
/// A node idles, and works hard for half a second when something dies. The runtime then recompiles what runs often (tiered compilation): 20 to 60 ms of a core in each of three nodes, at
/// the very moment when the new process needs the core to start. So it is told to count calls, and recompile, only after five seconds without new code; until then what was
/// compiled ahead of time is good enough. Without recompilation an idle node would cost a fifth more.
/// </remarks>
internal static class NodeRuntime
{
    private const string CountingDelay = "DOTNET_TC_CallCountingDelayMs";
    private const string FiveSeconds = "1388"; // hexadecimal, as the runtime reads numbers
    private const string OursToTakeBack = "CONCLAVE_COUNTING_DELAY";

    /// <summary>For the environment of a node. Who has set the variable means something by it, and is not overruled.</summary>
    public static Dictionary<string, string?> Environment { get; } = System.Environment.GetEnvironmentVariable(CountingDelay) is null
        ? new(StringComparer.Ordinal) { [CountingDelay] = FiveSeconds, [OursToTakeBack] = "1" }
        : new(StringComparer.Ordinal);

    /// <summary>Takes out of the environment of a child what it would inherit from a node and should not.</summary>
    public static void Withhold(Dictionary<string, string?> environment)
    {
        if (System.Environment.GetEnvironmentVariable(OursToTakeBack) is null)
            return;
        environment.TryAdd(CountingDelay, null);
        environment[OursToTakeBack] = null;
    }
}
