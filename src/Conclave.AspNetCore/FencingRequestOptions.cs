namespace Conclave.AspNetCore;

/// <summary>How requests are held to their fencing tokens.</summary>
public sealed record FencingRequestOptions
{
    /// <summary>The header that carries the token. Default <see cref="FencingHeader.Name"/>.</summary>
    public string HeaderName { get; init; } = FencingHeader.Name;

    /// <summary>
    /// Whether GET, HEAD, OPTIONS and TRACE pass without a token; one that they carry is not looked at. Default true: reading does no harm.
    /// </summary>
    public bool SafeMethodsPass { get; init; } = true;

    /// <summary>
    /// Whether a request of a newer leader waits until those of the older one have ended, so that no act of an older leader can follow one of a newer. All guarded requests of the gate then run one at a time.
    /// Default false: a request that was admitted before a newer leader came is left to end beside it.
    /// </summary>
    public bool OneAtATime { get; init; }
}
