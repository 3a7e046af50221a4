using Conclave.Tidy.Tests.Rules;

namespace Conclave.Tidy.Tests;

/// <summary>A rule that cannot fail checks nothing: each is shown a bad sample and a good one beside it.</summary>
public sealed class RulesCanFailTests
{
    [Theory]
    [InlineData("Conclave.Consensus", """<ProjectReference Include="../Conclave.Store/Conclave.Store.csproj" />""", "references Conclave.Store")]
    [InlineData("Conclave.Server", """<ProjectReference Include="..\Conclave.Orchestration\Conclave.Orchestration.csproj" />""", "references Conclave.Orchestration")]
    [InlineData("Conclave.Etcd", """<PackageReference Include="Newtonsoft.Json" />""", "uses the package Newtonsoft.Json")]
    [InlineData("Conclave.Store", """<PackageReference Include="Microsoft.Extensions.Logging.Abstractions" />""", "uses the package")]
    [InlineData("Conclave.Store", """<FrameworkReference Include="Microsoft.AspNetCore.App" />""", "pure code uses the framework")]
    [InlineData("Conclave.Store", "", "without src/BannedSymbols.Pure.txt")]
    [InlineData("Conclave.Misc", "", "not on the map")]
    public void An_arrow_that_is_not_on_the_map_is_found(string project, string item, string violation)
    {
        var tree = new SourceTree(($"src/{project}/{project}.csproj", $"<Project><ItemGroup>{item}</ItemGroup></Project>"));
        Assert.Contains(Arrows.Violations(tree), found => found.Contains(violation, StringComparison.Ordinal));
    }

    [Fact]
    public void An_arrow_on_the_map_is_let_be() => Assert.Empty(Arrows.Violations(new SourceTree(
        ("src/BannedSymbols.Pure.txt", ""),
        ("src/Conclave.Store/Conclave.Store.csproj",
            """<Project><ItemGroup><ProjectReference Include="../Conclave.Consensus/Conclave.Consensus.csproj" /><AdditionalFiles Include="../BannedSymbols.Pure.txt" /></ItemGroup></Project>"""),
        ("src/Conclave.Wire/Conclave.Wire.csproj",
            """<Project><ItemGroup><ProjectReference Include="../../samples/A/A.csproj" ReferenceOutputAssembly="false" /></ItemGroup></Project>"""))));

    [Fact]
    public void A_project_without_tests_or_outside_of_the_solution_is_found()
    {
        var found = Houses.Violations(new SourceTree(
            ("Conclave.slnx", """<Solution><Project Path="src/A/A.csproj" /><Project Path="src/Gone/Gone.csproj" /></Solution>"""),
            ("src/A/A.csproj", "<Project />"),
            ("tests/A.Tests/A.Tests.csproj", """<Project><ProjectReference Include="../../src/A/A.csproj" /></Project>"""),
            ("src/B/B.csproj", "<Project />"))).ToList();
        Assert.Contains("src/B/B.csproj: not in Conclave.slnx", found);
        Assert.Contains("Conclave.slnx: src/Gone/Gone.csproj does not exist", found);
        Assert.Contains("src/B/B.csproj: has no tests/B.Tests/B.Tests.csproj", found);
    }

    [Fact]
    public void A_circle_of_namespaces_is_found_once()
    {
        var found = NamespaceCycles.Violations(new SourceTree(
            ("src/P/P.csproj", "<Project />"),
            ("src/P/A/One.cs", "using P.B;\nnamespace P.A;\n"),
            ("src/P/B/Two.cs", "using System;\nusing P.C;\nnamespace P.B;\n"),
            ("src/P/C/Three.cs", "using static P.A;\nnamespace P.C;\n"),
            ("src/P/D/Four.cs", "using P.A;\nusing P.B;\nnamespace P.D;\n")));
        Assert.Equal("src/P/: P.A -> P.B -> P.C -> P.A", Assert.Single(found));
    }

    [Theory]
    [InlineData("public sealed class LeaseManager;", true)]
    [InlineData("    internal static partial class TimeHelper\n{", true)]
    [InlineData("public readonly record struct NodeInfo(int Id);", true)]
    [InlineData("file enum PeerData { }", true)]
    [InlineData("interface IStringUtils;", true)]
    [InlineData("public sealed class DataDirectory;", false)]
    [InlineData("// a class Manager would be empty", false)]
    public void A_type_whose_name_says_nothing_is_found(string code, bool bad) =>
        Assert.Equal(bad, TypeNames.Violations(new SourceTree(("src/P/A.cs", code))).Any());

    [Theory]
    [InlineData(FileLength.LinesMax, false)]
    [InlineData(FileLength.LinesMax + 1, true)]
    public void A_long_file_is_found(int lines, bool bad) =>
        Assert.Equal(bad, FileLength.Violations(new SourceTree(("src/P/A.cs", new string('\n', lines)))).Any());

    [Theory]
    [InlineData("[x](docs/here.md)", false)]
    [InlineData("[x](docs/)", false)]
    [InlineData("[x](docs/here.md#two-words-and-more)", false)]
    [InlineData("[x](https://example.org/a)", false)]
    [InlineData("`[x](docs/gone.md)`", false)]
    [InlineData("```\n[x](docs/gone.md)\n```", false)]
    [InlineData("[x](docs/gone.md)", true)]
    [InlineData("![picture](picture.png)", true)]
    [InlineData("[x](../outside.md)", true)]
    [InlineData("[x](docs/here.md#three)", true)]
    public void A_link_that_leads_nowhere_is_found(string markdown, bool bad) => Assert.Equal(bad, MarkdownLinks.Violations(
        new SourceTree(("README.md", markdown), ("docs/here.md", "# Title\n## Two words, and `more`\n[up](../README.md)"))).Any());

    [Theory]
    [InlineData("path: {0}root/project/file", true)]
    [InlineData("path: {0}work/here", true)]
    [InlineData("path: {0}home/somebody/file", true)]
    [InlineData("https:{0}{0}nuget.corp.example/v3/index.json", true)]
    [InlineData("http:{0}{0}10.0.0.7:8081/repository/v3/index.json", true)]
    [InlineData("https:{0}{0}api.nuget.org/v3/index.json", false)]
    [InlineData(".{0}work/here, GET {0}workers/1, src{0}root/x", false)]
    public void A_trace_of_the_machine_is_found(string text, bool bad)
    {
        // The slashes are put in here, or this file would be a trace itself.
        var sample = text.Replace("{0}", "/", StringComparison.Ordinal);
        Assert.Equal(bad, MachineTraces.Violations(new SourceTree(("a.json", sample))).Any());
    }

    [Fact]
    public async Task Code_that_does_not_compile_is_found_and_other_code_is_not()
    {
        var found = await Snippets.ViolationsAsync(new SourceTree(("README.md", """
            # Title

            ```csharp
            using Conclave;
            using Conclave.Etcd;
            using Conclave.Wire.Etcd;

            await using var client = new EtcdClient(new EtcdClientOptions { Endpoints = ["http://127.0.0.1:2379"] });
            await using var session = new EtcdSession(client);
            await using var election = new EtcdElection(session, "billing/dialer");
            await using var leadership = await election.CampaignAsync(CancellationToken.None);
            Console.WriteLine(leadership.FencingToken);
            ```

            ```csharp
            public sealed record OnlyTypes(Conclave.Leader Leader);
            ```

            ```csharp
            Conclave.Leadership leadership = "nobody";
            ```

            ```text
            this is no code
            ```
            """)));
        var error = Assert.Single(found);
        Assert.StartsWith("README.md:19: snippet(1,", error, StringComparison.Ordinal);
        Assert.Contains("CS0029", error, StringComparison.Ordinal);
    }
}
