namespace Conclave;

/// <summary>
/// The backend's end of a <see cref="Leadership"/>: only its holder can declare it lost. For those who implement <see cref="ILeaderElection"/>. Thread-safe.
/// </summary>
public sealed class LeadershipSource
{
    /// <param name="election">The election's name.</param>
    /// <param name="leader">What was published, and the token that was won.</param>
    /// <param name="lease">Ends the leadership with it; null when the backend has no lease and calls <see cref="Lose"/> itself.</param>
    /// <param name="resign">
    /// Tells the backend, at most once and after <c>Lost</c> has fired. Bounds its own time and answers <see cref="ResignResult.Unknown"/> rather than throw when
    /// the backend is silent.
    /// </param>
    public LeadershipSource(string election, Leader leader, LeaseTimer? lease, Func<Task<ResignResult>> resign)
    {
        ArgumentException.ThrowIfNullOrEmpty(election);
        ArgumentNullException.ThrowIfNull(leader);
        ArgumentNullException.ThrowIfNull(resign);
        Leadership = new Leadership(election, leader, lease, resign);
    }

    /// <summary>What is handed to the user.</summary>
    public Leadership Leadership { get; }

    /// <summary>Declares it over; false when it was already. The first reason stays.</summary>
    public bool Lose(LossReason reason) => Leadership.Lose(reason);
}
