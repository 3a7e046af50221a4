namespace Conclave.Deploy.Tests;

/// <summary>Where things are: the folder that is judged, and the programs that judge it.</summary>
internal static class Tools
{
    public static string Root { get; } = FindRoot();

    public static string Kubernetes { get; } = Path.Combine(Root, "deploy", "kubernetes");

    public static string? Kubectl { get; } = FirstFile(Path.Combine(Root, "artifacts", "tools", "kubernetes", "kubectl"), OnPath("kubectl"));

    public static string? Node { get; } = FirstFile(OnPath("node"), OnPath("nodejs"));

    public static string? Shellcheck { get; } = FirstFile(OnPath("shellcheck"));

    public static string? Etcd { get; } = FirstFile(OnPath("etcd"));

    /// <summary>Kubernetes' schemas, put there by tools/install.</summary>
    public static string Models { get; } = Path.Combine(Root, "artifacts", "tools", "kubernetes", "node_modules");

    public static string? Missing(Needs needs)
    {
        if (needs.HasFlag(Needs.Kubectl) && Kubectl is null)
            return "there is no kubectl (tests/Conclave.Deploy.Tests/tools/install)";
        if (needs.HasFlag(Needs.Schemas) && (Node is null || !Directory.Exists(Path.Combine(Models, "kubernetes-models"))))
            return "Kubernetes' schemas are not there (tests/Conclave.Deploy.Tests/tools/install)";
        if (needs.HasFlag(Needs.Shellcheck) && Shellcheck is null)
            return "there is no shellcheck (apt-get install shellcheck)";
        if (needs.HasFlag(Needs.Etcd) && Etcd is null)
            return "there is no etcd (apt-get install etcd-server)";
        return null;
    }

    private static string FindRoot()
    {
        var directory = new DirectoryInfo(AppContext.BaseDirectory);
        while (!File.Exists(Path.Combine(directory.FullName, "Conclave.slnx")))
            directory = directory.Parent ?? throw new InvalidOperationException("The tests run outside of the repository.");
        return directory.FullName;
    }

    private static string? OnPath(string program) =>
        (Environment.GetEnvironmentVariable("PATH") ?? "").Split(':').Select(folder => Path.Combine(folder, program)).FirstOrDefault(File.Exists);

    private static string? FirstFile(params string?[] candidates) => candidates.FirstOrDefault(File.Exists);
}

[Flags]
public enum Needs
{
    None = 0,
    Kubectl = 1,
    Schemas = 2,
    Shellcheck = 4,
    Etcd = 8,
}

/// <summary>A fact that is skipped, with the reason, where a program it needs is missing. <c>./test</c> installs them all.</summary>
[AttributeUsage(AttributeTargets.Method)]
public sealed class ToolFactAttribute : FactAttribute
{
    public ToolFactAttribute(Needs needs) => Skip = Tools.Missing(needs);
}

/// <summary>The same for a theory.</summary>
[AttributeUsage(AttributeTargets.Method)]
public sealed class ToolTheoryAttribute : TheoryAttribute
{
    public ToolTheoryAttribute(Needs needs) => Skip = Tools.Missing(needs);
}
