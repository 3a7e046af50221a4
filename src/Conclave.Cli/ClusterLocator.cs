using System.CommandLine;
using Conclave.Orchestration;
using Conclave.Orchestration.Model;

namespace Conclave.Cli;

/// <summary>Finds out which cluster a command means: that of <c>-f</c>, else of <c>./conclave.yaml</c>, else the sample's in <c>./.conclave</c>.</summary>
internal static class ClusterLocator
{
    public static Option<string?> FileOption() => new("--file", "-f")
    {
        HelpName = "conclave.yaml",
        Description = "The cluster's file. Default: ./conclave.yaml, else the sample with its data in ./.conclave.",
    };

    public static ClusterLocation Locate(string? file, string workingDirectory)
    {
        var path = file is null ? Path.Combine(workingDirectory, ClusterFile.DefaultName) : Path.Combine(workingDirectory, file);
        return file is not null || File.Exists(path)
            ? new ClusterLocation(ClusterFile.DataDirectory(path))
            : new ClusterLocation(Path.Combine(workingDirectory, ClusterFile.DefaultData));
    }

    /// <summary>What <c>up</c> is to run, checked.</summary>
    public static (LoadedClusterFile File, string Name) Load(string? file, string workingDirectory)
    {
        if (file is null && !File.Exists(Path.Combine(workingDirectory, ClusterFile.DefaultName)))
            return (SampleCluster.Load(workingDirectory), "the sample");
        var shown = file ?? ClusterFile.DefaultName;
        return (ClusterFile.Load(Path.Combine(workingDirectory, shown), shown), shown);
    }
}
