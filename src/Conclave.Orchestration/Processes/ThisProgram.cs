using System.Collections.Immutable;

namespace Conclave.Orchestration.Processes;

/// <summary>This program, as it was started: to start it again in another role.</summary>
public static class ThisProgram
{
    /// <summary>The file to execute.</summary>
    public static string File { get; } = Environment.ProcessPath ?? throw new InvalidOperationException("The path of this program is unknown.");

    /// <summary>Arguments before its own, when it is run by another program (<c>dotnet conclave.dll</c>).</summary>
    public static ImmutableArray<string> Prefix { get; } = Path.GetFileNameWithoutExtension(File) == "dotnet" ? [Environment.GetCommandLineArgs()[0]] : [];
}
