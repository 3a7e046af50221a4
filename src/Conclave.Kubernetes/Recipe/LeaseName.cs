using System.Text.RegularExpressions;

namespace Conclave.Kubernetes;

/// <summary>Which Lease an election is kept in: its name with dots for slashes, or one that was chosen.</summary>
internal static partial class LeaseName
{
    /// <summary>In characters, of any object's name.</summary>
    public const int LengthMax = 253;

    /// <summary>What <see cref="IsNamespace"/> asks for.</summary>
    public const string NamespaceRule = "must have up to 63 of a-z, 0-9 and '-', and begin and end with a letter or digit";

    private const int LabelLengthMax = 63;

    /// <exception cref="ArgumentException">Kubernetes takes no such name; the message says why and what to do.</exception>
    public static string Of(string election, string? chosen)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(election);
        var name = chosen ?? election.Replace('/', '.');
        if (Problem(name) is { } problem)
        {
            throw chosen is null
                ? new ArgumentException($"'{election}' names the Lease '{name}', which Kubernetes does not take: {problem}. Rename the election or set {nameof(KubernetesElectionOptions)}.{nameof(KubernetesElectionOptions.LeaseName)}.", nameof(election))
                : new ArgumentException($"{nameof(KubernetesElectionOptions)}.{nameof(KubernetesElectionOptions.LeaseName)} is '{name}', which Kubernetes does not take: {problem}.", nameof(chosen));
        }

        return name;
    }

    /// <summary>Whether a namespace can be called so.</summary>
    public static bool IsNamespace(string name) => name.Length <= LabelLengthMax && LabelPattern().IsMatch(name);

    private static string? Problem(string name)
    {
        if (name.Length > LengthMax)
            return $"it is longer than {LengthMax} characters";
        return SubdomainPattern().IsMatch(name)
            ? null
            : "it has to be of a-z, 0-9, '-' and '.' (RFC 1123), where each part between dots begins and ends with a letter or digit";
    }

    [GeneratedRegex(@"\A[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*\z", RegexOptions.NonBacktracking | RegexOptions.ExplicitCapture)]
    private static partial Regex SubdomainPattern();

    [GeneratedRegex(@"\A[a-z0-9]([-a-z0-9]*[a-z0-9])?\z", RegexOptions.NonBacktracking | RegexOptions.ExplicitCapture)]
    private static partial Regex LabelPattern();
}
