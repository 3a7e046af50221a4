namespace Conclave;

/// <summary>What <see cref="FencingGate"/> says about a token. Act only on <see cref="Admitted"/>.</summary>
public abstract record FencingVerdict
{
    private FencingVerdict() { }

    /// <summary>No newer token has been seen, and this one is kept: every older one is refused from now on.</summary>
    public sealed record Admitted : FencingVerdict;

    /// <summary>A newer leader was here. Final: this token will never be admitted again.</summary>
    public sealed record Refused(FencingToken Highest) : FencingVerdict;

    /// <summary>The store did not answer, so the token may or may not have been kept. Nothing was done; asking again is safe.</summary>
    public sealed record Unknown(Exception Cause) : FencingVerdict;
}
