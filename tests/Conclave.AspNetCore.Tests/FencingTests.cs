using System.Net;
using Conclave.Testing;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;

namespace Conclave.AspNetCore.Tests;

/// <summary>A real server on a port of its own, which bills calls, and clients that send their tokens.</summary>
public sealed class FencingTests : IAsyncLifetime, IDisposable
{
    private static readonly TimeSpan Deadline = TimeSpan.FromSeconds(30);

    private readonly List<string> _billed = [];
    private readonly SwitchableStore _store = new();
    private readonly FencingGate _gate;
    private readonly TaskCompletionSource _finish = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private WebApplication _app = null!;

    public FencingTests() => _gate = new FencingGate(_store);

    public async Task InitializeAsync()
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.WebHost.UseUrls("http://127.0.0.1:0");
        _app = builder.Build();
        _app.Map("/guarded", guarded => guarded.UseFencing(_gate).Run(context =>
        {
            lock (_billed)
                _billed.Add($"{context.Request.Method} {context.Request.Headers[FencingHeader.Name]}");
            return Task.CompletedTask;
        }));
        _app.Map("/one-at-a-time", guarded => guarded.Use(NoteWaitAsync).UseFencing(_gate, new FencingRequestOptions { OneAtATime = true }).Run(async context =>
        {
            var token = context.Request.Headers[FencingHeader.Name].ToString();
            lock (_billed)
                _billed.Add($"{token} begins");
            if (token == "1")
                await _finish.Task;
            lock (_billed)
                _billed.Add($"{token} ends");
        }));
        _app.MapPost("/endpoint", () => "billed").RequireFencingToken(_gate);
        _app.MapGet("/endpoint", () => "read").RequireFencingToken(_gate, new FencingRequestOptions { SafeMethodsPass = false });
        await _app.StartAsync();
    }

    public async Task DisposeAsync() => await _app.DisposeAsync();

    public void Dispose() => _gate.Dispose();

    [Fact]
    public async Task A_former_leader_is_refused_and_the_present_one_is_not()
    {
        Assert.Equal(HttpStatusCode.OK, await PostAsync("/guarded", "41"));
        Assert.Equal(HttpStatusCode.OK, await PostAsync("/guarded", "42"));
        Assert.Equal(HttpStatusCode.PreconditionFailed, await PostAsync("/guarded", "41"));
        Assert.Equal(HttpStatusCode.OK, await PostAsync("/guarded", "42"));
        Assert.Equal(["POST 41", "POST 42", "POST 42"], _billed);
    }

    [Fact]
    public async Task A_refusal_says_why_as_a_problem_document()
    {
        await PostAsync("/guarded", "42");
        using var client = new HttpClient();
        using var request = NewPost("/guarded", "41");
        using var response = await client.SendAsync(request);
        Assert.Equal("application/problem+json", response.Content.Headers.ContentType?.MediaType);
        Assert.Contains("Token 41 is older than 42", await response.Content.ReadAsStringAsync(), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(null, HttpStatusCode.PreconditionRequired)]
    [InlineData("", HttpStatusCode.BadRequest)]
    [InlineData("0", HttpStatusCode.BadRequest)]
    [InlineData("-1", HttpStatusCode.BadRequest)]
    [InlineData("4 2", HttpStatusCode.BadRequest)]
    [InlineData("99999999999999999999", HttpStatusCode.BadRequest)]
    public async Task What_is_no_token_is_refused(string? token, HttpStatusCode status)
    {
        Assert.Equal(status, await PostAsync("/guarded", token));
        Assert.Empty(_billed);
        Assert.Equal(FencingToken.None, await _store.ReadAsync(default));
    }

    [Fact]
    public async Task Reading_needs_no_token_unless_it_is_told_to()
    {
        using var client = new HttpClient();
        Assert.Equal(HttpStatusCode.OK, (await client.GetAsync(At("/guarded"))).StatusCode);
        Assert.Equal(HttpStatusCode.PreconditionRequired, (await client.GetAsync(At("/endpoint"))).StatusCode);
    }

    [Fact]
    public async Task A_store_that_does_not_answer_admits_nobody()
    {
        _store.Fails = true;
        Assert.Equal(HttpStatusCode.ServiceUnavailable, await PostAsync("/guarded", "1"));
        Assert.Empty(_billed);
        _store.Fails = false;
        Assert.Equal(HttpStatusCode.OK, await PostAsync("/guarded", "1"));
    }

    [Fact]
    public async Task An_endpoint_can_be_guarded_alone()
    {
        Assert.Equal(HttpStatusCode.OK, await PostAsync("/endpoint", "7"));
        Assert.Equal(HttpStatusCode.PreconditionFailed, await PostAsync("/endpoint", "6"));
        Assert.Equal(HttpStatusCode.PreconditionRequired, await PostAsync("/endpoint", null));
    }

    [Fact]
    public async Task One_at_a_time_a_newer_leader_waits_for_what_the_older_one_has_in_hand()
    {
        var older = PostAsync("/one-at-a-time", "1");
        await BilledAsync("1 begins");
        var newer = PostAsync("/one-at-a-time", "2");
        await BilledAsync("2 waits");
        _finish.SetResult();
        await Task.WhenAll(older, newer).WaitAsync(Deadline);
        Assert.Equal(["1 begins", "1 waits", "2 waits", "1 ends", "2 begins", "2 ends"], _billed);
    }

    [Fact]
    public async Task A_leader_that_was_paused_and_wakes_up_is_refused_by_the_server_when_its_own_check_was_passed()
    {
        var election = new FakeElection("billing");
        _ = election.Elect();
        var old = await election.CampaignAsync(default);
        using var client = new HttpClient(new FencingTokenHandler(old) { InnerHandler = new HttpClientHandler() });
        Assert.Equal(HttpStatusCode.OK, (await client.PostAsync(At("/guarded"), null)).StatusCode);

        // Its request left before it could notice; the successor's came first.
        using var late = NewPost("/guarded", old.FencingToken.ToString());
        var successor = election.PauseHolder(TimeSpan.FromMinutes(1));
        Assert.Equal(HttpStatusCode.OK, await PostAsync("/guarded", successor!.FencingToken.ToString()));
        using var plain = new HttpClient();
        Assert.Equal(HttpStatusCode.PreconditionFailed, (await plain.SendAsync(late)).StatusCode);

        // And what it would send now does not leave it.
        await Assert.ThrowsAsync<LeadershipLostException>(() => client.PostAsync(At("/guarded"), null));
    }

    private Uri At(string path) => new(_app.Urls.Single() + path);

    private HttpRequestMessage NewPost(string path, string? token)
    {
        var request = new HttpRequestMessage(HttpMethod.Post, At(path));
        if (token is not null)
            request.Headers.TryAddWithoutValidation(FencingHeader.Name, token);
        return request;
    }

    private async Task<HttpStatusCode> PostAsync(string path, string? token)
    {
        using var client = new HttpClient();
        using var request = NewPost(path, token);
        using var response = await client.SendAsync(request).WaitAsync(Deadline);
        return response.StatusCode;
    }

    /// <summary>Where a request goes no further at once, be it at the gate or in the work behind it.</summary>
    private async Task NoteWaitAsync(HttpContext context, RequestDelegate next)
    {
        var rest = next(context);
        if (!rest.IsCompleted)
        {
            lock (_billed)
                _billed.Add($"{context.Request.Headers[FencingHeader.Name]} waits");
        }

        await rest;
    }

    private async Task BilledAsync(string entry)
    {
        using var late = new CancellationTokenSource(Deadline);
        while (true)
        {
            lock (_billed)
            {
                if (_billed.Contains(entry))
                    return;
            }

            await Task.Delay(5, late.Token);
        }
    }

    private sealed class SwitchableStore : IFencingStore
    {
        private readonly MemoryFencingStore _inner = new();

        public bool Fails { get; set; }

        public ValueTask<FencingToken> ReadAsync(CancellationToken cancellation) => Fails ? throw new TimeoutException("the store is away") : _inner.ReadAsync(cancellation);

        public ValueTask<bool> TryAdvanceAsync(FencingToken expected, FencingToken next, CancellationToken cancellation) => _inner.TryAdvanceAsync(expected, next, cancellation);
    }
}
