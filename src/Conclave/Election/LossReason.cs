namespace Conclave;

/// <summary>Why a leadership is over.</summary>
public enum LossReason
{
    /// <summary>Given up by its holder.</summary>
    Resigned,

    /// <summary>Our own clock ended it: renewals got no answer in time, or this process or machine stood still.</summary>
    LeaseEnded,

    /// <summary>The backend no longer knows the lease.</summary>
    LeaseRefused,

    /// <summary>The lease lives, but somebody removed or replaced what stood for the leadership in the backend.</summary>
    Removed,

    /// <summary>The group elected another (backends without a lease).</summary>
    SteppedDown,
}

/// <summary>What came of a resignation. Either way this candidate no longer leads.</summary>
public enum ResignResult
{
    /// <summary>The backend has let go: another may lead now.</summary>
    Released,

    /// <summary>The backend did not answer: another may lead now, or after the TTL.</summary>
    Unknown,
}
