namespace Conclave.Deploy.Tests;

/// <summary>The Dockerfile as far as it can be judged without a container engine: its build lines run, its programs start, nobody is root.</summary>
[Collection(WithImage.Name)]
public sealed class ImageTests(Image image)
{
    [Fact]
    public async Task The_context_has_the_sources_and_nothing_else()
    {
        var context = await Dockerfile.ContextAsync();
        Assert.Contains("src/Conclave.Cli/Conclave.Cli.csproj", context);
        Assert.Contains("samples/LeaderDemo/Program.cs", context);
        Assert.Contains("deploy/kubernetes/Dockerfile", context);
        Assert.DoesNotContain(context, file => file.StartsWith("tests/", StringComparison.Ordinal) || file.StartsWith("docs/", StringComparison.Ordinal) || file.StartsWith("bench/", StringComparison.Ordinal));
    }

    [Fact]
    public void Built_with_the_sdk_it_runs_on_the_runtime_of_the_same_version()
    {
        Assert.Equal(["mcr.microsoft.com/dotnet/sdk:10.0 AS build"], Dockerfile.Ours.All("build", "FROM"));
        Assert.StartsWith("mcr.microsoft.com/dotnet/aspnet:10.0", Dockerfile.Ours.All("", "FROM").Single(), StringComparison.Ordinal);
    }

    [ToolFact(Needs.Kubectl)]
    public async Task Its_user_is_the_one_the_pods_run_as_and_not_root()
    {
        var user = Dockerfile.Ours.All("", "USER").Single();
        Assert.Matches("^[1-9][0-9]*$", user);
        foreach (var overlay in Manifests.Overlays)
            Assert.All((await Manifests.RenderAsync($"overlays/{overlay}")).Workloads, workload => Assert.Equal(user, workload.Text("spec/template/spec/securityContext/runAsUser")));
    }

    [ToolFact(Needs.Kubectl)]
    public async Task The_programs_that_the_manifests_name_are_built_into_it()
    {
        foreach (var overlay in Manifests.Overlays)
        {
            var containers = (await Manifests.RenderAsync($"overlays/{overlay}")).Workloads.SelectMany(workload => workload.List("spec/template/spec/containers"));
            foreach (var container in containers.Where(container => container.Text("image") == "conclave:dev"))
                Assert.True(File.Exists(await image.ProgramAsync(container.Text("command/0")!)));
        }

        var entry = Dockerfile.Ours.All("", "ENTRYPOINT").Single();
        Assert.Equal("""["conclave"]""", entry);
        Assert.Contains("serve", (await Command.RunAsync(await image.ProgramAsync("conclave"), ["--help"])).Succeeded(), StringComparison.Ordinal);
    }
}
