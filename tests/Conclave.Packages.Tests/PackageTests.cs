using System.IO.Compression;
using System.Reflection.Metadata;
using System.Text;
using System.Xml.Linq;

namespace Conclave.Packages.Tests;

/// <summary>What is in a package, and what it says about itself.</summary>
[Collection(nameof(PublishedPackages))]
public sealed class PackageTests(PublishedPackages published)
{
    private static readonly Guid SourceLink = new("CC110556-A091-4D38-9FEC-25AB9A351A6A");

    [Fact]
    public void Every_package_that_another_one_needs_is_made_too()
    {
        var made = Packages().ToHashSet(StringComparer.Ordinal);
        Assert.Superset(new HashSet<string>(["Conclave", "Conclave.Etcd", "Conclave.Kubernetes", "Conclave.Peers", "Conclave.ZooKeeper", "Conclave.AspNetCore", "Conclave.Testing"]), made);
        foreach (var package in made)
        {
            var needed = Specification(package).Descendants().Where(e => e.Name.LocalName == "dependency").Select(e => e.Attribute("id")!.Value);
            Assert.Subset(made, needed.Where(id => id.StartsWith("Conclave", StringComparison.Ordinal)).ToHashSet(StringComparer.Ordinal));
        }
    }

    [Fact]
    public void A_package_says_what_it_is_and_under_which_licence_and_shows_its_readme_and_icon()
    {
        foreach (var package in Packages())
        {
            var said = Specification(package).Descendants().ToLookup(e => e.Name.LocalName, e => e);
            Assert.Equal("MIT", said["license"].Single().Value);
            Assert.True(said["description"].Single().Value.Length > 30, package);
            Assert.Contains("leader-election", said["tags"].Single().Value, StringComparison.Ordinal);
            Assert.StartsWith(PublishedPackages.Repository, said["repository"].Single().Attribute("url")!.Value, StringComparison.Ordinal);
            using var archive = Open(package, "nupkg");
            foreach (var entry in (string[])[said["readme"].Single().Value, said["icon"].Single().Value, $"lib/net10.0/{package}.dll", $"lib/net10.0/{package}.xml"])
                Assert.True(archive.GetEntry(entry)?.Length > 0, $"{package} lacks {entry}");
        }
    }

    [Fact]
    public void Symbols_name_the_commit_whose_sources_a_debugger_fetches()
    {
        foreach (var package in Packages())
        {
            using var archive = Open(package, "snupkg");
            using var buffer = new MemoryStream();
            using (var symbols = archive.GetEntry($"lib/net10.0/{package}.pdb")!.Open())
                symbols.CopyTo(buffer);
            buffer.Position = 0;
            using var provider = MetadataReaderProvider.FromPortablePdbStream(buffer);
            var reader = provider.GetMetadataReader();
            var links = reader.CustomDebugInformation
                .Select(reader.GetCustomDebugInformation)
                .Where(link => reader.GetGuid(link.Kind) == SourceLink)
                .Select(link => Encoding.UTF8.GetString(reader.GetBlobBytes(link.Value)));
            Assert.Contains("https://raw.githubusercontent.com/example/conclave/", Assert.Single(links), StringComparison.Ordinal);
        }
    }

    [Theory]
    [InlineData(0, "usage: ./publish", "", "--help")]
    [InlineData(2, "", "semantic version", "--version", "newest")]
    [InlineData(2, "", "usage: ./publish", "--pakages")]
    public async Task Publish_says_what_it_takes(int expected, string output, string error, params string[] arguments)
    {
        var (code, said, complained) = await PublishedPackages.TryAsync(published.Source, "./publish", arguments);
        Assert.Equal(expected, code);
        Assert.Contains(output, said, StringComparison.Ordinal);
        Assert.Contains(error, complained, StringComparison.Ordinal);
    }

    private List<string> Packages()
    {
        var ending = $".{published.Version}.nupkg";
        var packages = published.Files.Where(file => file.EndsWith(ending, StringComparison.Ordinal)).Select(file => file[..^ending.Length]).ToList();
        Assert.NotEmpty(packages);
        return packages;
    }

    private XDocument Specification(string package)
    {
        using var archive = Open(package, "nupkg");
        using var specification = archive.GetEntry($"{package}.nuspec")!.Open();
        return XDocument.Load(specification);
    }

    private ZipArchive Open(string package, string kind) => ZipFile.OpenRead(Path.Combine(published.Output, $"{package}.{published.Version}.{kind}"));
}
