using System.Diagnostics;

namespace Conclave.Orchestration.Gateway;

/// <summary>How one try at one instance ended.</summary>
internal enum TryEnd
{
    /// <summary>With an answer, of whatever status.</summary>
    Answered,

    /// <summary>The connection could not be made: the instance has seen nothing of the request.</summary>
    NotSent,

    /// <summary>The connection broke before any of the answer went to the client; the instance may have acted on the request.</summary>
    Broken,

    /// <summary>We gave it up because its instance left the rotation; its retry is already paid for.</summary>
    Moved,

    /// <summary>We gave it up because its instance stopped answering.</summary>
    Silent,

    /// <summary>We gave it up because no answer began in time.</summary>
    Late,

    /// <summary>What came back is not HTTP, or the request cannot be put as HTTP/1.1.</summary>
    Garbled,

    /// <summary>The client's body broke off, was malformed or too large.</summary>
    BadBody,

    /// <summary>The client's connection ended.</summary>
    ClientGone,

    /// <summary>The answer broke off after part of it had gone to the client.</summary>
    Truncated,
}

/// <summary>What to do after a try.</summary>
internal readonly record struct AfterTry(bool Retry, GatewayFailure? Failure)
{
    public static AfterTry Done { get; } = new(Retry: false, null);

    public static AfterTry TryAgain { get; } = new(Retry: true, null);

    public static AfterTry Fail(GatewayFailure failure) => new(Retry: false, failure);
}

/// <summary>Which requests may be sent again. Pure.</summary>
internal static class RetryRule
{
    /// <summary>
    /// A request may be repeated when the instance cannot have seen it, or when seeing it twice means the same as seeing it once
    /// (RFC 9110, 9.2.2) and we still have all of its body.
    /// </summary>
    public static AfterTry After(TryEnd end, bool idempotent, bool bodyKept) => end switch
    {
        TryEnd.Answered => AfterTry.Done,
        TryEnd.NotSent => AfterTry.TryAgain,
        TryEnd.Broken when idempotent && bodyKept => AfterTry.TryAgain,
        TryEnd.Broken => AfterTry.Fail(GatewayFailure.InstanceFailed),
        TryEnd.Moved when bodyKept => AfterTry.TryAgain,
        TryEnd.Moved => AfterTry.Fail(GatewayFailure.InstanceFailed),
        TryEnd.Silent when idempotent && bodyKept => AfterTry.TryAgain,
        TryEnd.Silent => AfterTry.Fail(GatewayFailure.InstanceSilent),
        TryEnd.Late => AfterTry.Fail(GatewayFailure.AnswerTimeout),
        TryEnd.Garbled => AfterTry.Fail(GatewayFailure.InstanceFailed),
        TryEnd.BadBody => AfterTry.Fail(GatewayFailure.BadRequestBody),
        TryEnd.ClientGone => AfterTry.Fail(GatewayFailure.ClientGone),
        TryEnd.Truncated => AfterTry.Fail(GatewayFailure.Truncated),
        _ => throw new UnreachableException(end.ToString()),
    };

    /// <summary>RFC 9110, 9.2.2: the safe methods, PUT and DELETE.</summary>
    public static bool IsIdempotent(string method) => method is "GET" or "HEAD" or "OPTIONS" or "PUT" or "DELETE" or "TRACE";
}
