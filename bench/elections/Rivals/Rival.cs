using System.Globalization;
using Conclave.Bench.Elections.Machine;

namespace Conclave.Bench.Elections.Rivals;

/// <summary>Somebody else's library against the same server, in a program that takes the same orders as ours.</summary>
internal sealed class Rival
{
    private readonly Func<string, int, TimeSpan, Child> _start;

    private Rival(string name, TimeSpan pause, Func<string, int, TimeSpan, Child> start) => (Name, Pause, _start) = (name, pause, start);

    public string Name { get; }

    /// <summary>After an election, until the one who waits hears at once of a resignation.</summary>
    public TimeSpan Pause { get; }

    public Child Start(string election, int number, TimeSpan ttl) => _start(election, number, ttl);

    /// <summary>Go's <c>clientv3/concurrency</c>; null, and why said, where it is not installed.</summary>
    public static async Task<Rival?> GoAsync(string endpoint, string directory)
    {
        const string Packages = "/usr/share/gocode";
        if (!Directory.Exists(Packages + "/src/go.etcd.io/etcd/clientv3/concurrency") || !File.Exists("/usr/bin/go"))
            return await MissingAsync("Go's clientv3/concurrency", "golang-go golang-etcd-server-dev");

        // Kept beside this program with the compiler's cache: the client has a hundred packages.
        var (source, program) = (Path.Combine(AppContext.BaseDirectory, "Rivals", "contestant.go"), Path.Combine(AppContext.BaseDirectory, "contestant-go"));
        if (!File.Exists(program) || File.GetLastWriteTimeUtc(program) < File.GetLastWriteTimeUtc(source))
        {
            // Debian's packages lie as they did before Go had modules.
            await Child.RunAsync("/usr/bin/go", ["build", "-o", program, source], AppContext.BaseDirectory,
                ("GO111MODULE", "off"), ("GOPATH", Packages), ("GOFLAGS", ""), ("GOCACHE", Path.Combine(AppContext.BaseDirectory, "go-cache")));
        }

        // It watches from a revision that has been: etcd brings such a watch up to date in rounds of 100 ms, and only then tells it of changes as they come.
        return new Rival("Go's concurrency", TimeSpan.FromMilliseconds(130), (election, number, ttl) => Child.Start(
            $"go-{number}", program, [endpoint, election, $"go-{number}", ttl.TotalSeconds.ToString("0", CultureInfo.InvariantCulture)], directory));
    }

    /// <summary>kazoo; null, and why said, where it is not installed.</summary>
    public static async Task<Rival?> KazooAsync(string server, string directory)
    {
        if (!Directory.Exists("/usr/lib/python3/dist-packages/kazoo"))
            return await MissingAsync("kazoo", "python3-kazoo");
        var source = Path.Combine(AppContext.BaseDirectory, "Rivals", "contestant.py");
        return new Rival("kazoo", TimeSpan.FromMilliseconds(20), (election, number, ttl) => Child.Start(
            $"kazoo-{number}", "/usr/bin/python3", [source, server, "/" + election, $"kazoo-{number}", ttl.TotalSeconds.ToString(CultureInfo.InvariantCulture)], directory));
    }

    private static async Task<Rival?> MissingAsync(string what, string packages)
    {
        await Console.Error.WriteLineAsync($"{what} is not measured: apt-get install {packages}");
        return null;
    }
}
