using System.Text.Json;
using Conclave.Contract;

namespace Conclave.Packages.Tests;

/// <summary>The program in README, typed into a new project that knows nothing of this repository but the packages, runs on a real etcd.</summary>
[Needs("/usr/bin/etcd", "etcd-server")]
[Collection(nameof(PublishedPackages))]
public sealed class ReadmeProgramTests(PublishedPackages published)
{
    [ContractFact]
    public async Task The_program_in_the_readme_compiles_runs_leads_and_hands_over()
    {
        var readme = await File.ReadAllTextAsync(Path.Combine(published.Source, "README.md"));
        var begin = readme.IndexOf("```csharp\n", StringComparison.Ordinal) + "```csharp\n".Length;
        var program = readme[begin..readme.IndexOf("```", begin, StringComparison.Ordinal)];
        var directory = published.NewDirectory("app");
        var (client, peer) = (LoopbackPorts.Free(), LoopbackPorts.Free());
        Assert.Contains("http://localhost:2379", program, StringComparison.Ordinal);
        await File.WriteAllTextAsync(Path.Combine(directory, "Program.cs"), program.Replace("http://localhost:2379", $"http://127.0.0.1:{client}", StringComparison.Ordinal));
        await File.WriteAllTextAsync(Path.Combine(directory, "App.csproj"), $"""
            <Project Sdk="Microsoft.NET.Sdk.Web">
              <PropertyGroup>
                <TargetFramework>net10.0</TargetFramework>
                <Nullable>enable</Nullable>
                <ImplicitUsings>enable</ImplicitUsings>
                <TreatWarningsAsErrors>true</TreatWarningsAsErrors>
                <NuGetAudit>false</NuGetAudit>
                <RestoreAdditionalProjectSources>{published.Output}</RestoreAdditionalProjectSources>
                <RestorePackagesPath>{Path.Combine(directory, "packages")}</RestorePackagesPath>
                <RestoreFallbackFolders>{Environment.GetEnvironmentVariable("NUGET_PACKAGES") ?? Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.UserProfile), ".nuget", "packages")}</RestoreFallbackFolders>
              </PropertyGroup>
              <ItemGroup>
                <PackageReference Include="Conclave.Etcd" Version="{published.Version}" />
              </ItemGroup>
            </Project>
            """);
        await PublishedPackages.RunAsync(directory, "dotnet", "build", "-o", "out", "--nologo", "-v", "quiet");

        using var etcd = new RunningProcess("etcd", [
            "--data-dir", "etcd", "--listen-client-urls", $"http://127.0.0.1:{client}", "--advertise-client-urls", $"http://127.0.0.1:{client}",
            "--listen-peer-urls", $"http://127.0.0.1:{peer}", "--initial-advertise-peer-urls", $"http://127.0.0.1:{peer}", "--initial-cluster", $"default=http://127.0.0.1:{peer}"], directory);
        using var http = new HttpClient();
        var (first, second) = (LoopbackPorts.Free(), LoopbackPorts.Free());
        using var leading = new RunningProcess("dotnet", ["out/App.dll", "--urls", $"http://127.0.0.1:{first}"], directory);
        await leading.LineAsync("dialling with token ");
        var token = await TokenAsync(http, first);
        using var waiting = new RunningProcess("dotnet", ["out/App.dll", "--urls", $"http://127.0.0.1:{second}"], directory);
        await Awaited.UntilAsync("the second one sees the first lead", async () => await TokenAsync(http, second) == token);
        Assert.Equal("Healthy", await http.GetStringAsync($"http://127.0.0.1:{first}/health"));

        leading.Signal((Signal)15);
        await leading.ExitAsync();
        await waiting.LineAsync("dialling with token ");
        Assert.True(await TokenAsync(http, second) > token);
    }

    /// <summary>Of the leader whom the instance on this port sees; 0 while it does not answer or sees none.</summary>
    private static async Task<long> TokenAsync(HttpClient http, int port)
    {
        try
        {
            using var leader = JsonDocument.Parse(await http.GetStringAsync($"http://127.0.0.1:{port}/leader"));
            return leader.RootElement.ValueKind is JsonValueKind.Null ? 0 : leader.RootElement.GetProperty("fencingToken").GetInt64();
        }
        catch (HttpRequestException)
        {
            return 0;
        }
    }
}
