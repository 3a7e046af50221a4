using System.Collections.Immutable;
using System.Globalization;
using Conclave.Orchestration.Processes;

namespace Conclave.Orchestration.Nodes;

/// <summary>Starts node processes: this program again, with the gateways' listening sockets passed on (DESIGN 5.11).</summary>
/// <param name="program">Path of this program.</param>
/// <param name="prefix">Arguments before its own, when it is run by another program (<c>dotnet conclave.dll</c>).</param>
/// <param name="directory">The cluster's.</param>
/// <param name="listeners">Listening sockets of this process, to be inherited.</param>
public sealed class NodeLauncher(string program, ImmutableArray<string> prefix, ClusterDirectory directory, ImmutableArray<int> listeners)
{
    /// <summary>The first descriptor that a child finds a listening socket at; the others follow.</summary>
    public const int FirstListener = 3;

    /// <summary>The sockets that every child of ours inherits.</summary>
    public ImmutableArray<int> Listeners { get; } = listeners;

    /// <summary>This program, as it was started.</summary>
    public static NodeLauncher OfThisProgram(ClusterDirectory directory, ImmutableArray<int> listeners) => new(ThisProgram.File, ThisProgram.Prefix, directory, listeners);

    /// <summary>Starts the process that will be <paramref name="node"/>, if it gets the node's lock.</summary>
    /// <exception cref="ProcessStartException">It could not be started.</exception>
    public SupervisedProcess Start(string node)
    {
        Directory.CreateDirectory(directory.Node(node));
        return ProcessSpawner.Spawn(Spec(["node", "--data", directory.Root, "--name", node], directory.NodeLog(node)) with { Environment = NodeRuntime.Environment });
    }

    /// <summary>How a gateway is started; its worker adds what every instance gets.</summary>
    public ProcessSpec GatewaySpec(int number, string log) =>
        Spec(["gateway", "--data", directory.Root, "--number", number.ToString(CultureInfo.InvariantCulture)], log);

    private ProcessSpec Spec(ReadOnlySpan<string> arguments, string log) => new()
    {
        FileName = program,
        Arguments = [.. prefix, .. arguments, "--listeners", Listeners.Length.ToString(CultureInfo.InvariantCulture)],
        Directory = directory.Root,
        LogFile = log,
        InheritedDescriptors = [.. Listeners.Select((ours, i) => new InheritedDescriptor(ours, FirstListener + i))],
    };
}
