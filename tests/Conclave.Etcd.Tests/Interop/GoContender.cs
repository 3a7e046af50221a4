using Conclave.Contract;

namespace Conclave.Etcd.Tests.Interop;

/// <summary>contender.go, compiled once for all tests.</summary>
internal static class GoContender
{
    public const string Compiler = "/usr/bin/go";
    public const string Packages = "/usr/share/gocode";
    public const string Recipe = Packages + "/src/go.etcd.io/etcd/clientv3/concurrency/election.go";

    private static readonly Lazy<Task<string>> Program = new(CompileAsync);

    /// <param name="endpoint">As Go's client takes it.</param>
    /// <param name="election">Its name.</param>
    /// <param name="value">What it publishes.</param>
    /// <param name="ttl">Of its lease.</param>
    /// <param name="leadersFile">Must not exist before it leads.</param>
    /// <param name="turns">How often it leads and resigns; with 0 it leads once, until interrupted.</param>
    /// <param name="folder">Where it runs.</param>
    public static async Task<RunningProcess> StartAsync(string endpoint, string election, string value, TimeSpan ttl, string leadersFile, int turns, string folder) =>
        new(await Program.Value, [endpoint, election, value, $"{ttl.TotalSeconds}", leadersFile, $"{turns}"], folder);

    private static async Task<string> CompileAsync()
    {
        var program = Path.Combine(AppContext.BaseDirectory, "contender");
        using var compiler = new RunningProcess(Compiler, ["build", "-o", program, Path.Combine(AppContext.BaseDirectory, "contender.go")], AppContext.BaseDirectory, new Dictionary<string, string>
        {
            // Debian's packages lie as they did before Go had modules.
            ["GO111MODULE"] = "off",
            ["GOPATH"] = Packages,
            ["GOFLAGS"] = "",
            ["GOCACHE"] = Path.Combine(AppContext.BaseDirectory, "go-cache"),
        });
        await compiler.ExitAsync();
        Assert.True(compiler.ExitCode == 0, compiler.Output);
        return program;
    }
}
