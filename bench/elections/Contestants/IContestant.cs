namespace Conclave.Bench.Elections.Contestants;

/// <summary>One who leads, gives up and stands again, in whatever way: by our library, by the raw requests that a hand-over needs, or by somebody else's library.</summary>
internal interface IContestant : IAsyncDisposable
{
    /// <summary>Returns when it leads.</summary>
    Task StandAsync();

    /// <summary>Returns when the backend knows.</summary>
    Task ResignAsync();
}
