using System.Globalization;

namespace Conclave.Bench.SelfHeal;

/// <summary>What the command line asks for.</summary>
internal sealed record Arguments
{
    public const string Usage = """
        bench/selfheal: faults under load, measured.

          --kinds a,b        of: instance worker leader gateway two-nodes stop-instance stop-leader stop-gateway crash-loop (default: all)
          --kills N          of each common kind: instance, worker, leader, gateway (default 40)
          --rare N           of each rarer kind (default 10; crash loops at most 5)
          --rivals yes|no    the same instance kills against HAProxy + runit and plain YARP (default yes)
          --rate N           requests per second (default 400)
          --seconds N        load without a kill, for comparison, and length of --idle (default 10 and 60)
          --idle             only: three idle nodes, processor and memory
          --startup          only: 'conclave up -d' on a built tree, five times
          --json             JSON instead of Markdown
          --keep             leave the temporary directory
        """;

    public IReadOnlySet<Fault> Kinds { get; private init; } = Enum.GetValues<Fault>().ToHashSet();

    public int Kills { get; private init; } = 40;

    public int Rare { get; private init; } = 10;

    public bool Rivals { get; private init; } = true;

    public double Rate { get; private init; } = 400;

    public int? Seconds { get; private init; }

    public bool Idle { get; private init; }

    public bool Startup { get; private init; }

    public bool Json { get; private init; }

    public bool Keep { get; private init; }

    /// <summary>Null: they make no sense, and the usage should be shown.</summary>
    public static Arguments? Parse(string[] args)
    {
        var parsed = new Arguments();
        for (var i = 0; i < args.Length; i++)
        {
            try
            {
                parsed = args[i] switch
                {
                    "--idle" => parsed with { Idle = true },
                    "--startup" => parsed with { Startup = true },
                    "--json" => parsed with { Json = true },
                    "--keep" => parsed with { Keep = true },
                    "--kinds" => parsed with { Kinds = args[++i].Split(',').Select(FaultNames.Parse).ToHashSet() },
                    "--kills" => parsed with { Kills = Number(args[++i]) },
                    "--rare" => parsed with { Rare = Number(args[++i]) },
                    "--rate" => parsed with { Rate = Number(args[++i]) },
                    "--seconds" => parsed with { Seconds = Number(args[++i]) },
                    "--rivals" => parsed with { Rivals = args[++i] switch { "yes" => true, "no" => false, _ => throw new FormatException() } },
                    _ => throw new FormatException(),
                };
            }
            catch (Exception nonsense) when (nonsense is FormatException or IndexOutOfRangeException)
            {
                return null;
            }
        }

        return parsed;
    }

    public int CountOf(Fault fault) => fault switch
    {
        Fault.Instance or Fault.Worker or Fault.Leader or Fault.Gateway => Kills,
        Fault.CrashLoop => Math.Min(Rare, 5),
        _ => Rare,
    };

    private static int Number(string text) => int.Parse(text, NumberStyles.None, CultureInfo.InvariantCulture);
}
