namespace Conclave.Samples.DoubleDialer;

/// <summary>The command line is wrong; nothing was done.</summary>
internal sealed class UsageException(string message) : Exception(message);

/// <summary>Reads <c>--name value</c> from the host's configuration.</summary>
internal static class CommandLine
{
    public static string Required(this IConfiguration arguments, string name, string example) =>
        arguments[name] is { Length: > 0 } value ? value : throw new UsageException($"--{name} is missing; write it like --{name} {example}");

    public static int Number(this IConfiguration arguments, string name, int otherwise, int least, int most)
    {
        if (arguments[name] is not { } text)
            return otherwise;
        return int.TryParse(text, out var number) && number >= least && number <= most ? number : throw new UsageException($"--{name} takes a number from {least} to {most}");
    }
}
