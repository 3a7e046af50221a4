using System.Collections.Immutable;
using Conclave.Orchestration;

namespace Conclave.Cli.Elections;

/// <summary>A technology that elections are held on, in the words of the command line.</summary>
internal sealed record ElectionBackend
{
    /// <summary>What <c>--backend</c> takes. One more backend is one more element, and a class beside the others.</summary>
    public static ImmutableArray<ElectionBackend> All { get; } = [EtcdElections.Backend, ZooKeeperElections.Backend, KubernetesElections.Backend];

    /// <summary>The first is the one that is meant when nobody says.</summary>
    public static string DefaultName => All[0].Name;

    public required string Name { get; init; }

    /// <summary>For the list of what there is.</summary>
    public required string Summary { get; init; }

    /// <summary>The variable of the environment that says where it is when no option does.</summary>
    public required string EndpointVariable { get; init; }

    /// <summary>Where it is when nothing says so.</summary>
    public required string EndpointDefault { get; init; }

    /// <summary>The lease of a candidate that asked for none.</summary>
    public required TimeSpan DefaultTtl { get; init; }

    /// <summary>
    /// What is left of a lease of some length at the worst moment of normal life, when one renewal went unanswered and the next is about to arrive. A program that has to be asked to end needs
    /// no more time than that, or every hiccup would end it.
    /// </summary>
    public required Func<TimeSpan, TimeSpan> LeaseRoom { get; init; }

    /// <summary>Dials nothing yet. A bad endpoint is a <see cref="ConclaveException"/>.</summary>
    public required Func<ImmutableArray<string>, TimeSpan, IElections> Open { get; init; }

    /// <summary>Whether those who wait stand in a line that can be read. Default true.</summary>
    public bool KeepsALine { get; init; } = true;

    /// <summary>What the library calls an option in what it says, and what the command line calls it.</summary>
    public ImmutableArray<(string Option, string Here)> OptionWords { get; init; } = [];

    /// <summary>What the library said, in the command line's words.</summary>
    public string InItsWords(string said) => OptionWords.Aggregate(said.TrimEnd('.'), (text, word) => text.Replace(word.Option, word.Here, StringComparison.Ordinal));

    /// <exception cref="ConclaveException">There is none of that name.</exception>
    public static ElectionBackend Named(string name) =>
        All.FirstOrDefault(backend => backend.Name == name)
        ?? throw new ConclaveException($"--backend '{name}' is not known; write {string.Join(", or ", All.Select(backend => backend.Summary))}", ExitCode.Usage);
}
