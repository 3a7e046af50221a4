namespace Conclave.Bench.Elections;

/// <summary>What the command line asks for.</summary>
internal sealed record Settings
{
    public const string Usage =
        """
        usage: dotnet run -c Release --project bench/elections -- [options]
          --only NAME,...    of: in-memory etcd serve zookeeper kubernetes peers peers-fast (default: all)
          --parts NAME,...   of: handover killed lead memory (default: all)
          --quick            a short run: fewer of everything, and 1,000 elections in place of 10,000
          --json             the result as JSON on the output, progress on the error output
          --help             this
        """;

    private static readonly string[] Parts = ["handover", "killed", "lead", "memory"];

    public IReadOnlySet<string>? Only { get; private init; }

    public IReadOnlySet<string> Measured { get; private init; } = Parts.ToHashSet(StringComparer.Ordinal);

    public bool Quick { get; private init; }

    public bool Json { get; private init; }

    public bool Help { get; private init; }

    /// <summary>Leaderships handed over, for each of those who take turns; a whole number of <see cref="BlockOf"/>.</summary>
    public int HandOvers => Quick ? 40 : 200;

    /// <summary>So many in a row, then somebody else's, so that what else the machine does hits all alike.</summary>
    public int BlockOf => Quick ? 20 : 50;

    /// <summary>Before the first block, not counted: the runtimes compile what they run often.</summary>
    public int WarmUp => Quick ? 5 : 30;

    public int Kills => Quick ? 2 : 5;

    public int ProgramKills => Quick ? 4 : 12;

    public int Elections => Quick ? 1_000 : 10_000;

    /// <summary>How long renewals are counted, at the library's default TTL of 5 s.</summary>
    public TimeSpan RenewalsFor => TimeSpan.FromSeconds(Quick ? 4 : 6);

    public bool Does(string part) => Measured.Contains(part);

    /// <exception cref="FormatException">Not as <see cref="Usage"/> says.</exception>
    public static Settings Parse(string[] args, IReadOnlyCollection<string> subjects)
    {
        var settings = new Settings();
        var rest = new Queue<string>(args);
        while (rest.TryDequeue(out var option))
        {
            settings = option switch
            {
                "--only" => settings with { Only = Names(subjects) },
                "--parts" => settings with { Measured = Names(Parts) },
                "--quick" => settings with { Quick = true },
                "--json" => settings with { Json = true },
                "--help" or "-h" => settings with { Help = true },
                _ => throw new FormatException($"unknown option {option}"),
            };

            HashSet<string> Names(IReadOnlyCollection<string> known)
            {
                var value = rest.TryDequeue(out var text) ? text : throw new FormatException($"{option} wants a value");
                var names = value.Split(',').ToHashSet(StringComparer.Ordinal);
                return names.IsSubsetOf(known) ? names : throw new FormatException($"{option} takes {string.Join(", ", known)}");
            }
        }

        return settings;
    }
}
