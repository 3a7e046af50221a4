using System.Runtime.Versioning;

namespace Conclave.Deploy.Tests;

/// <summary>setup.sh and cleanup.sh against stand-ins for minikube and kubectl that keep a little state and note what they were asked.</summary>
[SupportedOSPlatform("linux")]
public sealed class ScriptTests : IDisposable
{
    // What a script may find beside the two: without them it must say what is missing, so the real PATH is not used.
    private static readonly string[] Basics = ["bash", "env", "cat", "cut", "dirname", "find", "git", "grep", "rm", "sort", "touch"];

    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("conclave-scripts-");

    public ScriptTests()
    {
        Directory.CreateDirectory(Bin);
        foreach (var program in Basics)
            File.CreateSymbolicLink(Path.Combine(Bin, program), Environment.GetEnvironmentVariable("PATH")!.Split(':').Select(folder => Path.Combine(folder, program)).First(File.Exists));
    }

    private string Bin => Path.Combine(_folder.FullName, "bin");

    private string[] Asked => File.Exists(Path.Combine(_folder.FullName, "asked")) ? File.ReadAllLines(Path.Combine(_folder.FullName, "asked")) : [];

    public void Dispose() => _folder.Delete(recursive: true);

    [ToolFact(Needs.Shellcheck)]
    public async Task Shellcheck_has_nothing_to_say()
    {
        string[] scripts = [.. Directory.EnumerateFiles(Tools.Kubernetes, "*.sh"), Path.Combine(Tools.Root, "tests", "Conclave.Deploy.Tests", "tools", "install")];
        Assert.Equal(3, scripts.Length);
        Assert.Equal("", (await Command.RunAsync(Tools.Shellcheck!, scripts)).Succeeded());
    }

    [Theory]
    [InlineData("setup.sh")]
    [InlineData("cleanup.sh")]
    public async Task Help_is_given_without_any_tool(string script)
    {
        Assert.StartsWith("usage: ", (await RunAsync(script, "--help")).Succeeded(), StringComparison.Ordinal);
        Assert.Equal(2, (await RunAsync(script, "--what")).ExitCode);
    }

    [Theory]
    [InlineData("setup.sh")]
    [InlineData("cleanup.sh")]
    public async Task A_missing_tool_is_one_line_with_a_remedy(string script)
    {
        var ended = await RunAsync(script);
        Assert.Equal(1, ended.ExitCode);
        Assert.Matches(@"^\w+: minikube is not installed; get it from https://\S+, then run this again\n$", ended.Errors);

        Install("minikube", Minikube);
        ended = await RunAsync(script);
        Assert.Equal(1, ended.ExitCode);
        Assert.Matches(@"^\w+: kubectl is not installed; get it from https://\S+, then run this again\n$", ended.Errors);
        Assert.DoesNotContain(Asked, line => line.Contains("start", StringComparison.Ordinal));
    }

    [Fact]
    public async Task An_overlay_that_is_not_there_is_named_with_those_that_are()
    {
        var ended = await RunAsync("setup.sh", "zookeeper");
        Assert.Equal(1, ended.ExitCode);
        Assert.Equal($"setup: there is no overlay 'zookeeper'; there are: {string.Join(' ', Manifests.Overlays)}\n", ended.Errors);
    }

    [ToolFact(Needs.Kubectl)]
    public async Task Setup_starts_builds_applies_and_waits_and_the_second_time_only_what_is_left_to_do()
    {
        Install("minikube", Minikube);
        Install("kubectl", Kubectl);
        var said = (await RunAsync("setup.sh", "conclave")).Succeeded();
        Assert.EndsWith("--prefix --tail=3 -f\n", said, StringComparison.Ordinal);
        Assert.Contains(Asked, line => line == "minikube --profile conclave-demo start --cni=calico");
        var built = Assert.Single(Asked, line => line.Contains("image build", StringComparison.Ordinal));
        var tag = built.Split(' ').Single(word => word.StartsWith("conclave:dev-", StringComparison.Ordinal));
        Assert.Equal(["kubectl rollout status statefulset.apps/store", "kubectl rollout status deployment.apps/leader-demo"], Asked.Where(line => line.Contains("rollout", StringComparison.Ordinal)));

        // The image that was built is the one that is asked for.
        var applied = Manifests.Parse(await File.ReadAllTextAsync(Path.Combine(_folder.FullName, "applied")));
        Assert.Equal((await Manifests.RenderAsync("overlays/conclave")).Objects.Count, applied.Objects.Count);
        Assert.All(applied.Workloads, workload => Assert.Equal(tag, workload.Text("spec/template/spec/containers/0/image")));

        File.Delete(Path.Combine(_folder.FullName, "asked"));
        (await RunAsync("setup.sh", "conclave")).Succeeded();
        Assert.DoesNotContain(Asked, line => line.Contains(" start", StringComparison.Ordinal) || line.Contains("image build", StringComparison.Ordinal));

        (await RunAsync("cleanup.sh")).Succeeded();
        (await RunAsync("cleanup.sh")).Succeeded();
        Assert.Contains("kubectl --context conclave-demo delete namespace conclave-demo --ignore-not-found --timeout=180s", Asked);
    }

    [Fact]
    public async Task Whatever_goes_into_the_image_goes_into_its_tag()
    {
        var script = await File.ReadAllTextAsync(Path.Combine(Tools.Kubernetes, "setup.sh"));
        var hashed = script[script.IndexOf("find src", StringComparison.Ordinal)..script.IndexOf("-prune", StringComparison.Ordinal)].Split((char[])[' ', '\n', '\\'], StringSplitOptions.RemoveEmptyEntries);
        Assert.All(await Dockerfile.ContextAsync(), file => Assert.Contains(hashed, word => file == word || file.StartsWith(word + "/", StringComparison.Ordinal)));
    }

    [ToolFact(Needs.Kubectl)]
    public async Task An_image_that_was_not_built_is_noticed_though_minikube_ends_well()
    {
        Install("minikube", Minikube);
        Install("kubectl", Kubectl);
        await File.WriteAllTextAsync(Path.Combine(_folder.FullName, "no-network"), "");
        var ended = await RunAsync("setup.sh");
        Assert.Equal(1, ended.ExitCode);
        Assert.StartsWith("setup: the image was not built;", ended.Errors, StringComparison.Ordinal);
        Assert.False(File.Exists(Path.Combine(_folder.FullName, "applied")));
    }

    private Task<Command> RunAsync(string script, params string[] arguments) =>
        Command.RunAsync("/usr/bin/env", ["-i", $"PATH={Bin}", $"HOME={_folder.FullName}", $"STATE={_folder.FullName}", $"KUBECTL={Tools.Kubectl}", "bash", Path.Combine(Tools.Kubernetes, script), .. arguments]);

    private void Install(string name, string text)
    {
        var file = Path.Combine(Bin, name);
        File.WriteAllText(file, text);
        File.SetUnixFileMode(file, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
    }

    // `image build` of the real one ends with 0 whether the build worked or not.
    private const string Minikube = """
        #!/usr/bin/env bash
        echo "minikube $*" >>"$STATE/asked"
        case $3 in
          status) [[ -e $STATE/started ]] ;;
          start) touch "$STATE/started" ;;
          image)
            if [[ $4 == build && ! -e $STATE/no-network ]]; then echo "docker.io/library/$6" >>"$STATE/images"; fi
            if [[ $4 == ls && -e $STATE/images ]]; then cat "$STATE/images"; fi ;;
        esac
        """;

    private const string Kubectl = """
        #!/usr/bin/env bash
        case "$*" in
          kustomize*) exec "$KUBECTL" "$@" ;;
          *apply*) cat >"$STATE/applied" ;;
          *"get statefulset"*) echo statefulset.apps/store ;;
          *"get deployment"*) echo deployment.apps/leader-demo ;;
          *rollout*) echo "kubectl rollout status $7" >>"$STATE/asked" ;;
          *) echo "kubectl $*" >>"$STATE/asked" ;;
        esac
        """;
}
