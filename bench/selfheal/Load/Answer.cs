namespace Conclave.Bench.SelfHeal.Load;

/// <summary>What a request asks for.</summary>
internal enum RequestKind
{
    /// <summary>GET /, answered at once with who answers.</summary>
    Get,

    /// <summary>POST / of 256 bytes, echoed.</summary>
    Post,

    /// <summary>GET /slow, answered after 200 ms with who answers.</summary>
    Slow,

    /// <summary>GET /big, one MiB.</summary>
    Big,
}

/// <summary>How a request ended.</summary>
internal enum Outcome
{
    Good,

    /// <summary>No connection.</summary>
    Refused,

    /// <summary>The connection broke before the answer began.</summary>
    Reset,

    /// <summary>Status 5xx.</summary>
    ServerError,

    /// <summary>No whole answer within the client's patience.</summary>
    Timeout,

    /// <summary>The connection broke after the answer had begun.</summary>
    Truncated,

    /// <summary>An answer that is not the one to this request.</summary>
    Wrong,
}

/// <summary>One request, once it has ended. Times are CLOCK_MONOTONIC in nanoseconds.</summary>
/// <param name="IntendedNs">When the schedule wanted it sent: latency counts from here, so a client that is late hides nothing.</param>
/// <param name="DoneNs">When its last byte came, or its end was clear.</param>
/// <param name="Kind">What it asked for.</param>
/// <param name="Outcome">How it ended.</param>
/// <param name="Fresh">It opened a connection of its own.</param>
/// <param name="Instance">Who answered, such as <c>web/2</c>; null when the answer does not say.</param>
/// <param name="Pid">Of who answered; 0 when the answer does not say.</param>
internal readonly record struct Answer(
    long IntendedNs, long DoneNs, RequestKind Kind, Outcome Outcome, bool Fresh, string? Instance, int Pid)
{
    public double LatencyMs => (DoneNs - IntendedNs) / 1e6;

    public bool IsGet => Kind != RequestKind.Post;
}
