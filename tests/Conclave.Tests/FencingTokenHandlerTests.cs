namespace Conclave.Tests;

public sealed class FencingTokenHandlerTests
{
    private readonly List<string> _sent = [];

    [Fact]
    public async Task It_sends_the_token_of_the_leadership_that_the_code_acts_for()
    {
        using var client = NewClient(new FencingTokenHandler());
        using (AmbientLeadership.Enter(Win(7).Leadership))
        {
            await client.GetAsync(new Uri("http://api/1"));
            using (AmbientLeadership.Enter(Win(8).Leadership))
                await client.GetAsync(new Uri("http://api/2"));
            await client.GetAsync(new Uri("http://api/3"));
        }

        Assert.Equal(["7", "8", "7"], _sent);
    }

    [Fact]
    public async Task It_sends_nothing_once_the_leadership_is_over()
    {
        var source = Win(7);
        using var client = NewClient(new FencingTokenHandler(source.Leadership));
        await client.GetAsync(new Uri("http://api/"));
        source.Lose(LossReason.Removed);
        var refused = await Assert.ThrowsAsync<LeadershipLostException>(() => client.GetAsync(new Uri("http://api/")));
        Assert.Equal(new FencingToken(7), refused.FencingToken);
        Assert.Equal(["7"], _sent);
    }

    [Fact]
    public async Task It_sends_nothing_for_code_that_acts_for_no_leadership()
    {
        using var client = NewClient(new FencingTokenHandler());
        await Assert.ThrowsAsync<InvalidOperationException>(() => client.GetAsync(new Uri("http://api/")));
        Assert.Empty(_sent);
    }

    [Fact]
    public async Task A_token_that_somebody_put_there_is_replaced()
    {
        using var client = NewClient(new FencingTokenHandler(Win(7).Leadership));
        using var request = new HttpRequestMessage(HttpMethod.Post, new Uri("http://api/"));
        request.Headers.Add(FencingHeader.Name, "99");
        await client.SendAsync(request);
        Assert.Equal(["7"], _sent);
    }

    private static LeadershipSource Win(long token) =>
        new("jobs", new Leader("a", new FencingToken(token)), null, () => Task.FromResult(ResignResult.Released));

    private HttpClient NewClient(FencingTokenHandler handler)
    {
        handler.InnerHandler = new Recorder(_sent);
        return new HttpClient(handler);
    }

    private sealed class Recorder(List<string> sent) : HttpMessageHandler
    {
        protected override Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
        {
            sent.Add(string.Join(',', request.Headers.GetValues(FencingHeader.Name)));
            return Task.FromResult(new HttpResponseMessage());
        }
    }
}
