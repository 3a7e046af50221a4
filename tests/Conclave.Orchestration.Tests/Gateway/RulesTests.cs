using Conclave.Orchestration.Gateway;
using Microsoft.AspNetCore.Http;

namespace Conclave.Orchestration.Tests.Gateway;

public sealed class RulesTests
{
    [Theory]
    [InlineData("shop.example", "/", "shop")]
    [InlineData("SHOP.example:8080", "/api", "shop-api")]
    [InlineData("shop.example", "/apix", "shop")]
    [InlineData("other.example", "/", "web")]
    [InlineData("other.example", "/static/a.css", "files")]
    [InlineData("other.example", "/static", "files")]
    [InlineData("other.example", "/statics", "web")]
    public void The_host_comes_before_the_path_and_the_longest_prefix_wins(string host, string path, string service)
    {
        GatewayRoute[] routes =
        [
            new() { Service = "web" },
            new() { PathPrefix = "/static/", Service = "files" },
            new() { Host = "shop.example", Service = "shop" },
            new() { Host = "shop.example", PathPrefix = "/api", Service = "shop-api" },
        ];
        var table = new RouteTable(routes.Select(r => (r, new ServicePool(r.Service))));
        Assert.Equal(service, table.Match(new HostString(host), path)?.Name);
    }

    [Fact]
    public void Without_a_matching_route_there_is_no_pool()
    {
        var table = new RouteTable([(new GatewayRoute { PathPrefix = "/api", Service = "api" }, new ServicePool("api"))]);
        Assert.Null(table.Match(new HostString("any"), "/"));
    }

    [Fact]
    public void The_budget_is_a_share_of_recent_requests_plus_a_rate()
    {
        var budget = new RetryBudget(ratio: 0.5, perSecond: 1);
        for (var i = 0; i < 20; i++) budget.Arrived(1_000);
        Assert.Equal(20, Enumerable.Range(0, 100).Count(_ => budget.TryTake(1_500)));
        Assert.False(budget.TryTake(9_000));
        // The requests and the retries of second 1 are forgotten: what is left is the rate.
        Assert.Equal(10, Enumerable.Range(0, 100).Count(_ => budget.TryTake(12_000)));
    }

    [Fact]
    public void Requests_per_second_are_the_mean_of_ten_seconds()
    {
        var budget = new RetryBudget(0, 0);
        for (var i = 0; i < 50; i++) budget.Arrived(5_000);
        Assert.Equal(5, budget.RequestsPerSecond(6_000));
        Assert.Equal(0, budget.RequestsPerSecond(60_000));
    }

    [Fact]
    public void What_may_not_be_sent_twice_is_never_retried()
    {
        foreach (var end in Enum.GetValues<TryEnd>())
        {
            if (end is TryEnd.NotSent or TryEnd.Moved) continue;
            Assert.False(RetryRule.After(end, idempotent: false, bodyKept: true).Retry);
            Assert.False(RetryRule.After(end, idempotent: true, bodyKept: false).Retry);
        }

        Assert.True(RetryRule.After(TryEnd.NotSent, idempotent: false, bodyKept: true).Retry);
        Assert.True(RetryRule.After(TryEnd.Broken, idempotent: true, bodyKept: true).Retry);
        Assert.True(RetryRule.After(TryEnd.Silent, idempotent: true, bodyKept: true).Retry);
    }

    [Fact]
    public async Task A_body_can_be_read_again_until_it_is_too_long()
    {
        var bytes = new byte[100];
        Random.Shared.NextBytes(bytes);
        await using var body = new ReplayBody(new MemoryStream(bytes), limit: 60);
        var buffer = new byte[50];
        Assert.Equal(50, await body.ReadAsync(buffer.AsMemory()));
        Assert.True(body.Kept);
        body.Rewind();
        Assert.Equal(20, await body.ReadAsync(buffer.AsMemory(0, 20)));
        Assert.Equal(30, await body.ReadAsync(buffer.AsMemory(20)));
        Assert.Equal(bytes[..50], buffer);
        Assert.Equal(50, await body.ReadAsync(buffer.AsMemory()));
        Assert.Equal(bytes[50..], buffer);
        Assert.False(body.Kept);
    }

    [Fact]
    public void Options_out_of_range_are_named()
    {
        var options = RunningGateway.Options with { Retry = new GatewayRetryOptions { Attempts = 0 } };
        Assert.Contains("Attempts", Assert.Throws<ArgumentException>(options.Validate).Message, StringComparison.Ordinal);
    }
}
