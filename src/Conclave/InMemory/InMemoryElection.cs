namespace Conclave;

/// <summary>One candidate of an <see cref="InMemoryContest"/>.</summary>
internal sealed class InMemoryElection(InMemoryContest contest, string value) : ILeaderElection
{
    private readonly Participation _participation = new(contest.Name, "Join the election again for a second candidate.");

    public string Name => contest.Name;

    public Guarantee Guarantee => Guarantee.Exclusive;

    public Task<Leadership> CampaignAsync(CancellationToken cancellation) => _participation.CampaignAsync(CampaignUntilElectedAsync, cancellation);

    public Task<Leadership?> TryCampaignAsync(CancellationToken cancellation) => _participation.CampaignAsync(TryOnceAsync, cancellation);

    public IAsyncEnumerable<Leader?> ObserveAsync(CancellationToken cancellation) => contest.Feed.ObserveAsync(cancellation);

    public Task<Leader?> GetLeaderAsync(CancellationToken cancellation)
    {
        cancellation.ThrowIfCancellationRequested();
        return Task.FromResult(contest.Feed.Leader);
    }

    public ValueTask DisposeAsync() => _participation.DisposeAsync();

    private async Task<Leadership> CampaignUntilElectedAsync(CancellationToken withdrawn)
    {
        var candidacy = new InMemoryCandidacy(value);
        try
        {
            contest.Stand(candidacy);
            return Lead(candidacy, await candidacy.Elected.Task.WaitAsync(withdrawn).ConfigureAwait(false));
        }
        catch (OperationCanceledException)
        {
            // It may have been elected in the same moment; then the next is.
            contest.Withdraw(candidacy);
            throw;
        }
    }

    private async Task<Leadership?> TryOnceAsync(CancellationToken withdrawn)
    {
        var candidacy = new InMemoryCandidacy(value);
        return contest.TryStand(candidacy) ? Lead(candidacy, await candidacy.Elected.Task.ConfigureAwait(false)) : null;
    }

    private Leadership Lead(InMemoryCandidacy candidacy, Leader leader) => new LeadershipSource(Name, leader, lease: null, () =>
    {
        contest.Withdraw(candidacy);
        return Task.FromResult(ResignResult.Released);
    }).Leadership;
}
