namespace Conclave.Bench.Elections.Contestants;

/// <summary>Our library, as a program uses it.</summary>
internal sealed class LibraryContestant(IElectionSource source, string election, int number) : IContestant
{
    private readonly ILeaderElection _election = source.Join(election, $"contestant-{number}");
    private Leadership? _leadership;

    public static async Task<IContestant> OpenAsync(string[] address, string election, int number, TimeSpan ttl) =>
        new LibraryContestant(await ElectionSource.OpenAsync(address, new LeaseOptions { Ttl = ttl, StopMargin = ttl / 8 }), election, number);

    public async Task StandAsync() => _leadership = await _election.CampaignAsync(CancellationToken.None);

    public async Task ResignAsync()
    {
        var result = await _leadership!.ResignAsync(CancellationToken.None);
        if (result is not ResignResult.Released)
            throw new InvalidOperationException($"The resignation was {result}.");
    }

    public async ValueTask DisposeAsync()
    {
        await _election.DisposeAsync();
        await source.DisposeAsync();
    }
}
