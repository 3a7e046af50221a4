namespace Conclave.Kubernetes.Tests;

/// <summary>The processes that the tests stop and kill are this program with a first word.</summary>
internal static class Program
{
    public static Task<int> Main(string[] arguments) => arguments[0] switch
    {
        ApiServer.Host.Word => ApiServer.Host.RunAsync(arguments[1], int.Parse(arguments[2], System.Globalization.CultureInfo.InvariantCulture)),
        Candidate.Word => Candidate.RunAsync(arguments[1..]),
        var word => throw new ArgumentException($"'{word}' is no part that this program plays.", nameof(arguments)),
    };
}
