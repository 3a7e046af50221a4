using System.Net;
using Conclave.Kubernetes.Wire;

namespace Conclave.Kubernetes;

/// <summary>The one place that says what a failed request means to an election.</summary>
internal static class KubernetesFault
{
    public static bool IsFault(Exception fault) => fault is NoAnswerException or RefusedException;

    /// <summary>What the user of an election sees: silence, or a refusal that waiting will not cure.</summary>
    public static ElectionException ToElection(string election, string lease, string ns, Exception fault) => fault switch
    {
        RefusedException { Code: null } => new ElectionException(
            $"Election {election}: the API server's certificate is not believed ({fault.Message}). Check {nameof(KubernetesClientOptions)}.{nameof(KubernetesClientOptions.CertificateAuthorityFile)} and the host name in {nameof(KubernetesClientOptions.Server)}.", fault),
        RefusedException { Code: HttpStatusCode.Unauthorized } => new ElectionException(
            $"Election {election}: the API server does not know the token ({fault.Message}). Check {nameof(KubernetesClientOptions)}.{nameof(KubernetesClientOptions.TokenFile)} or {nameof(KubernetesClientOptions.Token)}.", fault),
        RefusedException { Code: HttpStatusCode.Forbidden } refused => new ElectionException(
            $"Election {election}: the token's user may not '{refused.Verb}' leases.coordination.k8s.io in namespace {ns} ({fault.Message}). Grant it a Role with the verbs get, list, watch, create and update, or check {nameof(KubernetesClientOptions)}.{nameof(KubernetesClientOptions.Namespace)}.", fault),
        RefusedException { Code: HttpStatusCode.NotFound } => new ElectionException(
            $"Election {election}: there are no Leases in namespace {ns} ({fault.Message}). Check {nameof(KubernetesClientOptions)}.{nameof(KubernetesClientOptions.Server)} and {nameof(KubernetesClientOptions.Namespace)}.", fault),
        RefusedException refused => new ElectionException($"Election {election}: the API server refused to {refused.Verb} the Lease {ns}/{lease}: {fault.Message}", fault),
        _ => new ElectionUnavailableException($"Election {election}: the API server did not answer ({fault.Message}). Check {nameof(KubernetesClientOptions)}.{nameof(KubernetesClientOptions.Server)}.", fault),
    };
}
