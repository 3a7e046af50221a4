using Conclave.Orchestration;
using Conclave.Orchestration.Model;

namespace Conclave.Cli;

/// <summary>The sample that <c>up</c> runs where there is no file: <c>samples/Web</c>, which the build puts beside this program.</summary>
internal static class SampleCluster
{
    /// <summary>The line of <c>samples/Web/conclave.yaml</c> that is right in the repository and wrong here.</summary>
    internal const string RepositoryDirectory = "directory: ../../artifacts/conclave/samples/web";

    public static LoadedClusterFile Load(string workingDirectory)
    {
        var path = Path.Combine(AppContext.BaseDirectory, "samples", "web", ClusterFile.DefaultName);
        if (!File.Exists(path))
            throw new ConclaveException($"the sample is not beside the program at {path}; build with ./conclave, or write a file with 'conclave init'");
        var text = File.ReadAllText(path).Replace(RepositoryDirectory, "directory: .", StringComparison.Ordinal);
        var loaded = ClusterFile.Parse(text, path, path);
        var spec = loaded.Spec with { DataDirectory = Path.Combine(workingDirectory, ClusterFile.DefaultData) };
        return loaded with { Spec = spec with { FileHash = ContentHash.Of(spec) } };
    }
}
