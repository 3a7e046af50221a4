using Conclave.Kubernetes.Wire;

namespace Conclave.Kubernetes;

/// <summary>A Lease that is somebody else's is left alone.</summary>
internal static class LeaseFormat
{
    /// <exception cref="ElectionException">The election cannot be kept in this Lease.</exception>
    public static void Require(LeaseObject? lease, string election, string ns)
    {
        if (LeaseRecord.Problem(lease, election) is { } problem)
        {
            throw new ElectionException(
                $"Election {election}: the Lease {ns}/{lease!.Metadata.Name} {problem}. Choose another with {nameof(KubernetesElectionOptions)}.{nameof(KubernetesElectionOptions.LeaseName)}, or delete it if nobody needs it.");
        }
    }
}
