using Microsoft.Extensions.DependencyInjection;

namespace Conclave.Tests.Hosting;

/// <summary>A container that is disposed synchronously, as <c>using var provider = services.BuildServiceProvider()</c> does.</summary>
public sealed class SynchronousDisposalTests
{
    private readonly InMemoryElections _elections = new();

    [Fact]
    public async Task Leadership_is_lost_before_it_returns_and_released_after()
    {
        var provider = NewProvider();
        var leadership = await provider.GetRequiredKeyedService<ILeaderElection>("jobs").CampaignAsync(default);

        provider.Dispose();

        Assert.True(leadership.Lost.IsCancellationRequested);
        Assert.Equal(LossReason.Resigned, leadership.LossReason);
        await Until.HoldsAsync(() => _elections.ContestOf("jobs").Count == 0);
    }

    [Fact]
    public async Task A_campaign_is_withdrawn()
    {
        await using var other = _elections.Join("jobs", "other");
        await other.CampaignAsync(default);
        var provider = NewProvider();
        var campaign = provider.GetRequiredKeyedService<ILeaderElection>("jobs").CampaignAsync(default);
        await Until.HoldsAsync(() => _elections.ContestOf("jobs").Count == 2);

        provider.Dispose();

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => campaign.WaitAsync(Until.Deadline));
        await Until.HoldsAsync(() => _elections.ContestOf("jobs").Count == 1);
    }

    [Fact]
    public async Task A_backend_that_does_not_answer_is_not_waited_for()
    {
        var silent = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var provider = new ServiceCollection().AddLeaderElection("silent", e => e.UseBackend(_ => new Silent(silent.Task))).Services.BuildServiceProvider();
        provider.GetRequiredKeyedService<ILeaderElection>("silent");

        await Task.Run(provider.Dispose).WaitAsync(Until.Deadline);

        silent.SetException(new InvalidDataException("whatever becomes of it is nobody's to catch"));
    }

    private ServiceProvider NewProvider() => new ServiceCollection().AddLeaderElection("jobs", e => e.UseInMemory(_elections)).Services.BuildServiceProvider();

    private sealed class Silent(Task answer) : ILeaderElection
    {
        public string Name => "silent";

        public Guarantee Guarantee => Guarantee.Exclusive;

        public Task<Leadership> CampaignAsync(CancellationToken cancellation) => throw new NotSupportedException();

        public Task<Leadership?> TryCampaignAsync(CancellationToken cancellation) => throw new NotSupportedException();

        public IAsyncEnumerable<Leader?> ObserveAsync(CancellationToken cancellation) => throw new NotSupportedException();

        public Task<Leader?> GetLeaderAsync(CancellationToken cancellation) => throw new NotSupportedException();

        public async ValueTask DisposeAsync() => await answer;
    }
}
