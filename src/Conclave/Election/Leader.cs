namespace Conclave;

/// <summary>Who leads.</summary>
/// <param name="Value">What the candidate published with its leadership: its name, unless it chose something else, such as its address.</param>
/// <param name="FencingToken">The token of this leadership. The same candidate elected again has a higher one.</param>
public sealed record Leader(string Value, FencingToken FencingToken);
