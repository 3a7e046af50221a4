using System.Globalization;

namespace Conclave;

/// <summary>What a candidate is called when nobody named it.</summary>
public static class CandidateName
{
    /// <summary><c>POD_NAME</c> from the environment (Kubernetes' downward API), else host name and process id.</summary>
    public static string Default { get; } =
        Environment.GetEnvironmentVariable("POD_NAME") is { Length: > 0 } pod
            ? pod
            : string.Create(CultureInfo.InvariantCulture, $"{Environment.MachineName}-{Environment.ProcessId}");
}
