using System.Diagnostics;
using System.Net;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.ObjectPool;
using Yarp.ReverseProxy.Forwarder;

namespace Conclave.Orchestration.Gateway;

/// <summary>
/// The path of a request: route, choose an instance, try, try again where <see cref="RetryRule"/> allows it. YARP's forwarder does
/// each try; what it cannot do, choosing again, is here.
/// </summary>
internal sealed class Forwarder(
    GatewayOptions options, Rotation rotation, RetryBudget budget, Counters counters, HealthLoop health, AccessLog? accessLog, IHttpForwarder yarp, ILogger log)
{
    private readonly ForwarderRequestConfig _config = new()
    {
        ActivityTimeout = options.Limits.StreamIdleTimeout,
        Version = HttpVersion.Version11,
        VersionPolicy = HttpVersionPolicy.RequestVersionExact,
    };

    private readonly ObjectPool<Attempt> _attempts = new DefaultObjectPool<Attempt>(new AttemptPolicy(options), maximumRetained: 1024);

    public async Task HandleAsync(HttpContext context)
    {
        var started = Stopwatch.GetTimestamp();
        budget.Arrived(Environment.TickCount64);
        health.Wake();
        Visit visit = default;
        try
        {
            if (counters.Enter() > options.Limits.ConcurrentRequests) await RefuseAsync(context, GatewayFailure.Overload);
            else if (context.Request.ContentLength > options.Limits.RequestBodyBytes) await RefuseAsync(context, GatewayFailure.BodyTooLarge);
            else visit = await ServeAsync(context);
        }
        finally
        {
            counters.Leave();
            accessLog?.Add(new AccessLine(
                context.Request.Method, context.Request.Path.Value ?? "", context.Response.StatusCode, visit.Last?.Id, visit.Tries, Stopwatch.GetElapsedTime(started)));
        }
    }

    private async ValueTask<Visit> ServeAsync(HttpContext context)
    {
        if (!rotation.FirstTable.IsCompleted) await WaitAsync(rotation.FirstTable, options.Retry.Wait, context.RequestAborted);
        if (!rotation.FirstTable.IsCompleted)
        {
            await RefuseAsync(context, GatewayFailure.NoInstance);
            return default;
        }

        if (rotation.Routes.Match(context.Request.Host, context.Request.Path.Value ?? "/") is not { } pool)
        {
            await RefuseAsync(context, GatewayFailure.NoRoute);
            return default;
        }

        var idempotent = RetryRule.IsIdempotent(context.Request.Method);
        var body = idempotent ? KeepBody(context) : null;
        try
        {
            return await TryUntilAnsweredAsync(context, pool, idempotent, body);
        }
        finally
        {
            if (body is not null) await body.DisposeAsync();
        }
    }

    private async ValueTask<Visit> TryUntilAnsweredAsync(HttpContext context, ServicePool pool, bool idempotent, ReplayBody? body)
    {
        List<Backend>? tried = null;
        var waitLeft = options.Retry.Wait;
        for (var tries = 1; ; tries++)
        {
            Backend? backend;
            var attempt = _attempts.Get();
            while (true)
            {
                var change = pool.Change;
                backend = pool.Choose(tried);
                if (backend is not null)
                {
                    attempt.Aim(backend, idempotent, body, Environment.TickCount64);
                    if (backend.TryEnter(attempt)) break;
                    // It left the rotation between the choice and the entry; the pool says so at once.
                    await Task.Yield();
                    continue;
                }

                if (context.RequestAborted.IsCancellationRequested || waitLeft <= TimeSpan.Zero || !counters.TryWait(options.Limits.WaitingRequests))
                {
                    _attempts.Return(attempt);
                    await RefuseAsync(context, context.RequestAborted.IsCancellationRequested ? GatewayFailure.ClientGone : GatewayFailure.NoInstance);
                    return new Visit(tried?[^1], tries - 1);
                }

                var since = Stopwatch.GetTimestamp();
                try
                {
                    await WaitAsync(change, waitLeft, context.RequestAborted);
                }
                finally
                {
                    counters.EndWait();
                    waitLeft -= Stopwatch.GetElapsedTime(since);
                }
            }

            var end = TryEnd.Broken;
            try
            {
                var error = await yarp.SendAsync(context, backend.Prefix, backend.Connections, _config, attempt, attempt.Given);
                end = error == ForwarderError.None && attempt.Cut == CutWhy.None ? TryEnd.Answered : EndOf(error, attempt, context);
            }
            finally
            {
                backend.Leave(attempt, failed: end is not (TryEnd.Answered or TryEnd.ClientGone or TryEnd.BadBody));
            }

            var bodyKept = attempt.BodyKept;
            if (attempt.Cut == CutWhy.None) _attempts.Return(attempt);
            if (end == TryEnd.Answered) return new Visit(backend, tries);

            if (end is TryEnd.NotSent or TryEnd.Broken)
            {
                var why = end == TryEnd.NotSent ? "refuses connections" : "broke a connection";
                if (rotation.TakeOut(backend, why, CutWhy.None)) log.OutOfRotation(backend.Id, why);
            }

            var after = RetryRule.After(end, idempotent, bodyKept);
            if (after.Retry)
            {
                if (tries < options.Retry.Attempts && (end == TryEnd.Moved || budget.TryTake(Environment.TickCount64)))
                {
                    counters.Retried();
                    context.Response.Clear();
                    context.Features.Set<IForwarderErrorFeature>(null);
                    body?.Rewind();
                    (tried ??= []).Add(backend);
                    continue;
                }

                counters.RetryRefused();
                after = AfterTry.Fail(end == TryEnd.Silent ? GatewayFailure.InstanceSilent : GatewayFailure.RetriesExhausted);
            }

            await RefuseAsync(context, after.Failure!.Value);
            return new Visit(backend, tries);
        }
    }

    private ReplayBody? KeepBody(HttpContext context)
    {
        if (context.Features.Get<IHttpRequestBodyDetectionFeature>() is not { CanHaveBody: true }) return null;
        var body = new ReplayBody(context.Request.Body, options.Retry.BodyBytes);
        context.Request.Body = body;
        return body;
    }

    private static TryEnd EndOf(ForwarderError error, Attempt attempt, HttpContext context)
    {
        if (context.RequestAborted.IsCancellationRequested) return TryEnd.ClientGone;
        switch (attempt.Cut)
        {
            case CutWhy.Moved: return TryEnd.Moved;
            case CutWhy.Silent: return TryEnd.Silent;
            case CutWhy.Late: return TryEnd.Late;
            case CutWhy.None: break;
            default: throw new UnreachableException(attempt.Cut.ToString());
        }

        switch (error)
        {
            // The answer went through; what is reported is the end of a stream or of the rest of a request body.
            case ForwarderError.UpgradeRequestCanceled or ForwarderError.UpgradeRequestClient or ForwarderError.UpgradeRequestDestination
                or ForwarderError.UpgradeResponseCanceled or ForwarderError.UpgradeResponseClient or ForwarderError.UpgradeResponseDestination
                or ForwarderError.UpgradeActivityTimeout:
                return TryEnd.Answered;
            case ForwarderError.RequestBodyCanceled or ForwarderError.RequestBodyClient or ForwarderError.RequestBodyDestination when attempt.HasBegun:
                return TryEnd.Answered;
            case ForwarderError.RequestBodyClient or ForwarderError.RequestBodyCanceled:
                return TryEnd.BadBody;
            case ForwarderError.ResponseBodyClient:
                return TryEnd.ClientGone;
        }

        if (context.Response.HasStarted) return TryEnd.Truncated;
        return error switch
        {
            ForwarderError.RequestTimedOut or ForwarderError.ResponseBodyCanceled => TryEnd.Late,
            ForwarderError.RequestBodyDestination or ForwarderError.ResponseBodyDestination => TryEnd.Broken,
            ForwarderError.Request => EndOf(context.Features.Get<IForwarderErrorFeature>()?.Exception),
            _ => TryEnd.Garbled,
        };
    }

    private static TryEnd EndOf(Exception? fault) => fault switch
    {
        HttpRequestException { HttpRequestError: HttpRequestError.ConnectionError or HttpRequestError.NameResolutionError } => TryEnd.NotSent,
        HttpRequestException { HttpRequestError: HttpRequestError.InvalidResponse or HttpRequestError.ConfigurationLimitExceeded } => TryEnd.Garbled,
        _ => TryEnd.Broken,
    };

    private static async ValueTask WaitAsync(Task what, TimeSpan limit, CancellationToken aborted)
    {
        try
        {
            await what.WaitAsync(limit, aborted);
        }
        catch (TimeoutException)
        {
            // The caller looks again and sees that nothing came.
        }
        catch (OperationCanceledException) when (aborted.IsCancellationRequested)
        {
            // Likewise.
        }
    }

    private Task RefuseAsync(HttpContext context, GatewayFailure failure)
    {
        var badBodyStatus = context.Response.StatusCode;
        counters.Failed(failure);
        if (context.Response.HasStarted || failure is GatewayFailure.ClientGone or GatewayFailure.Truncated) return Task.CompletedTask;
        var (status, reason) = failure switch
        {
            GatewayFailure.NoRoute => (404, "no route matches this host and path"),
            GatewayFailure.NoInstance => (503, "no instance of the service is in rotation"),
            GatewayFailure.Overload => (503, "too many requests in flight"),
            GatewayFailure.InstanceFailed => (502, "the instance failed and this request must not be sent twice"),
            GatewayFailure.RetriesExhausted => (502, "the instance failed and no further retry is allowed"),
            GatewayFailure.InstanceSilent => (504, "the instance stopped answering"),
            GatewayFailure.AnswerTimeout => (504, "no answer began within the time limit"),
            GatewayFailure.BodyTooLarge => (413, "the request body is too large"),
            GatewayFailure.BadRequestBody => badBodyStatus switch
            {
                413 => (413, "the request body is too large"),
                408 => (408, "the request body came too slowly"),
                _ => (400, "the request body broke off or was malformed"),
            },
            _ => throw new UnreachableException(failure.ToString()),
        };
        context.Response.Clear();
        context.Response.StatusCode = status;
        if (status == 503) context.Response.Headers.RetryAfter = "1";
        context.Response.ContentType = "text/plain; charset=utf-8";
        return context.Response.WriteAsync($"{options.Name}: {reason}\n", context.RequestAborted);
    }

    /// <summary>What the access log says of a request beyond the request itself.</summary>
    private readonly record struct Visit(Backend? Last, int Tries);

    private sealed class AttemptPolicy(GatewayOptions options) : PooledObjectPolicy<Attempt>
    {
        public override Attempt Create() => new(options);

        public override bool Return(Attempt obj)
        {
            obj.Forget();
            return true;
        }
    }
}
