using System.Globalization;
using Conclave.Orchestration;
using Conclave.Orchestration.Nodes;

namespace Conclave.Cli.Cluster;

/// <summary>What <c>up</c> and the nodes pass to the processes they start. Not for people.</summary>
internal sealed record ChildArguments(string Data, string Name, int Number, int ListenerCount)
{
    /// <summary>The inherited listening sockets.</summary>
    public IEnumerable<int> Listeners => Enumerable.Range(NodeLauncher.FirstListener, ListenerCount);

    public static ChildArguments Parse(IReadOnlyList<string> arguments)
    {
        var parsed = new ChildArguments("", "", 0, 0);
        for (var i = 0; i + 1 < arguments.Count; i += 2)
        {
            var value = arguments[i + 1];
            parsed = arguments[i] switch
            {
                "--data" => parsed with { Data = value },
                "--name" => parsed with { Name = value },
                "--number" => parsed with { Number = int.Parse(value, CultureInfo.InvariantCulture) },
                "--listeners" => parsed with { ListenerCount = int.Parse(value, CultureInfo.InvariantCulture) },
                _ => throw new ConclaveException($"'{arguments[i]}' is unknown; this command is for 'conclave up' itself", ExitCode.Usage),
            };
        }

        return parsed.Data.Length > 0 ? parsed : throw new ConclaveException("--data is missing; this command is for 'conclave up' itself", ExitCode.Usage);
    }
}
