namespace Conclave.Cli.Tests.EndToEnd;

/// <summary>A fact that is skipped, and counted so, where a program is not installed.</summary>
[AttributeUsage(AttributeTargets.Method)]
public sealed class NeedsFactAttribute : FactAttribute
{
    public NeedsFactAttribute(string program)
    {
        var directories = (Environment.GetEnvironmentVariable("PATH") ?? "").Split(':');
        if (!directories.Any(d => File.Exists(Path.Combine(d, program))))
            Skip = $"{program} is not installed";
    }
}
