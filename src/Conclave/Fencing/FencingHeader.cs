namespace Conclave;

/// <summary>How a fencing token travels over HTTP: one header, the token in decimal digits.</summary>
public static class FencingHeader
{
    /// <summary>The header's name.</summary>
    public const string Name = "Conclave-Fencing-Token";
}
