using System.Net;

namespace Conclave.Kubernetes.Wire;

/// <summary>No answer, or one that another attempt may better: what was asked may have been done.</summary>
internal sealed class NoAnswerException(string message, Exception? cause = null) : Exception(message, cause);

/// <summary>The server, or our own check of its certificate, said no.</summary>
internal sealed class RefusedException(string verb, HttpStatusCode? code, string message, Exception? cause = null) : Exception(message, cause)
{
    /// <summary>What was asked, as RBAC calls it: <c>get</c>, <c>list</c>, <c>watch</c>, <c>create</c> or <c>update</c>.</summary>
    public string Verb { get; } = verb;

    /// <summary>Null when it was us who refused the connection.</summary>
    public HttpStatusCode? Code { get; } = code;
}
