using System.Text.Json.Nodes;

namespace Conclave.Kubernetes.Tests.ApiServer;

/// <summary>What an API server says no with.</summary>
internal sealed class RefusalException(int code, string reason, string message) : Exception(message)
{
    public int Code { get; } = code;

    public JsonObject ToStatus() => new()
    {
        ["kind"] = "Status",
        ["apiVersion"] = "v1",
        ["metadata"] = new JsonObject(),
        ["status"] = "Failure",
        ["message"] = Message,
        ["reason"] = reason,
        ["code"] = Code,
    };
}
