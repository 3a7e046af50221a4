using System.Globalization;

namespace Conclave.Bench.Put;

/// <summary>What the command line asks for.</summary>
internal sealed record Settings
{
    public const string Usage =
        """
        usage: dotnet run -c Release --project bench/put -- [options]
          --seconds N        of each measurement (default 5)
          --rounds N         (default 5)
          --clients A,B,...  callers that wait for each answer (default 1,64,256)
          --only NAME        conclave or etcd alone
          --conclave PATH    program to run as `PATH serve ...` (default: ./conclave of this repository)
          --etcd PATH        (default: etcd of the PATH)
          --directory PATH   where the data goes for the time of the run (default: the system's temporary directory)
          --show-flushes     count the flushes of every member with strace, measure nothing
          --idle N           N seconds of both clusters without clients: processor and memory of each member, measure nothing else
          --json             the result as JSON on the output, progress on the error output
        """;

    public TimeSpan Duration { get; private init; } = TimeSpan.FromSeconds(5);

    public int Rounds { get; private init; } = 5;

    public int[] Clients { get; private init; } = [1, 64, 256];

    public string? Only { get; private init; }

    public string? Conclave { get; private init; }

    public string Etcd { get; private init; } = "etcd";

    public string Directory { get; private init; } = Path.GetTempPath();

    public bool ShowFlushes { get; private init; }

    public TimeSpan? Idle { get; private init; }

    public bool Json { get; private init; }

    /// <exception cref="FormatException">Not as <see cref="Usage"/> says.</exception>
    public static Settings Parse(string[] args)
    {
        var settings = new Settings();
        var rest = new Queue<string>(args);
        while (rest.TryDequeue(out var option))
        {
            settings = option switch
            {
                "--seconds" => settings with { Duration = TimeSpan.FromSeconds(Number()) },
                "--rounds" => settings with { Rounds = Number() },
                "--clients" => settings with { Clients = [.. Value().Split(',').Select(Positive)] },
                "--only" => settings with { Only = Value() },
                "--conclave" => settings with { Conclave = Value() },
                "--etcd" => settings with { Etcd = Value() },
                "--directory" => settings with { Directory = Value() },
                "--show-flushes" => settings with { ShowFlushes = true },
                "--idle" => settings with { Idle = TimeSpan.FromSeconds(Number()) },
                "--json" => settings with { Json = true },
                _ => throw new FormatException($"unknown option {option}"),
            };

            string Value() => rest.TryDequeue(out var value) ? value : throw new FormatException($"{option} wants a value");

            int Number() => Positive(Value());
        }

        return settings;
    }

    private static int Positive(string text) =>
        int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var number) && number > 0 ? number : throw new FormatException($"'{text}' is no number above 0");
}
