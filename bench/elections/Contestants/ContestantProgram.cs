using System.Globalization;
using Conclave.Bench.Elections.Machine;

namespace Conclave.Bench.Elections.Contestants;

/// <summary>
/// A contestant as a process. Told <c>stand</c> it says <c>elected NS</c> once it leads; told <c>resign</c> it says <c>resigned NS</c>, the time being that of the call. The rivals' programs
/// (contestant.go, contestant.py) do the same. Ends with its input.
/// </summary>
internal static class ContestantProgram
{
    public const string Word = "contestant";

    /// <param name="arguments"><c>ours</c> or <c>raw</c>, election, number of this one, TTL in milliseconds, and the backend's address.</param>
    public static async Task<int> RunAsync(string[] arguments)
    {
        var (kind, election, number, ttl) = (arguments[0], arguments[1], int.Parse(arguments[2], CultureInfo.InvariantCulture), TimeSpan.FromMilliseconds(int.Parse(arguments[3], CultureInfo.InvariantCulture)));
        var address = arguments[4..];
        await using var contestant = kind == "raw" ? await RawAsync(address, election, number) : await LibraryContestant.OpenAsync(address, election, number, ttl);
        Say("ready");
        while (await Console.In.ReadLineAsync() is { } order)
        {
            if (order == "stand")
            {
                await contestant.StandAsync();
                Say($"elected {Clock.Ns}");
            }
            else
            {
                var resigns = Clock.Ns;
                await contestant.ResignAsync();
                Say($"resigned {resigns}");
            }
        }

        return 0;
    }

    private static async Task<IContestant> RawAsync(string[] address, string election, int number) => address[0] switch
    {
        "etcd" => new RawEtcd(address[1], election, number),
        "zookeeper" => await RawZooKeeper.ConnectAsync(address[1], election, number),
        "kubernetes" => new RawKubernetes(address[1], address[2], address[3], election, number),
        _ => throw new FormatException($"There are no raw requests for {address[0]}."),
    };

    private static void Say(string what)
    {
        Console.Out.WriteLine(what);
        Console.Out.Flush();
    }
}
