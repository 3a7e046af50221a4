namespace Conclave.Cli.Tests.EndToEnd;

/// <summary>
/// The cluster of all tests that leave a cluster as they found it: three nodes, two gateways, three samples, one <c>python3 -m http.server</c>. Started by the first that asks; one that does
/// not become healthy again after a test is replaced, so that one failure does not become many.
/// </summary>
public sealed class SharedCluster : IAsyncLifetime
{
    private RunningCluster? _cluster;

    public Task InitializeAsync() => Task.CompletedTask;

    internal async Task<RunningCluster> HealthyAsync()
    {
        if (_cluster is { } running)
        {
            try
            {
                await running.HealthyAsync();
                return running;
            }
            catch (TimeoutException)
            {
                _cluster = null;
                await running.DisposeAsync();
            }
        }

        var next = RunningCluster.Create(RunningCluster.Web + RunningCluster.Files);
        try
        {
            await next.UpAsync();
            return _cluster = next;
        }
        catch
        {
            await next.DisposeAsync();
            throw;
        }
    }

    public async Task DisposeAsync()
    {
        if (_cluster is not null)
            await _cluster.DisposeAsync();
    }
}
