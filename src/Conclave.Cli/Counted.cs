using System.Globalization;

namespace Conclave.Cli;

/// <summary>A number with its noun: "1 node", "3 nodes".</summary>
internal static class Counted
{
    public static string Of(int count, string noun) => string.Create(CultureInfo.InvariantCulture, $"{count} {noun}{(count == 1 ? "" : "s")}");
}
