using Conclave.AspNetCore;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;

namespace Conclave;

/// <summary>
/// Refuses requests of leaders of the past, at the server that they act upon. Each guarded request carries a fencing token in a header (<see cref="FencingTokenHandler"/> sends it), and the answer is, as a problem
/// document: 428 without a token, 400 for one that cannot be read, 412 for one that is older than the newest seen, 503 when the gate's store did not answer. Nothing was done in any of these cases.
/// </summary>
public static class FencingApplication
{
    /// <summary>Guards everything behind it. One gate guards one resource: tokens of different elections must not meet in one.</summary>
    public static IApplicationBuilder UseFencing(this IApplicationBuilder app, FencingGate gate, FencingRequestOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(app);
        ArgumentNullException.ThrowIfNull(gate);
        var admission = new FencingAdmission(gate, options ?? new FencingRequestOptions());
        return app.Use(async (HttpContext context, RequestDelegate next) =>
        {
            if (await admission.RunAsync(context, () => next(context)).ConfigureAwait(false) is { } refusal)
                await refusal.ExecuteAsync(context).ConfigureAwait(false);
        });
    }

    /// <summary>Guards an endpoint or a group of endpoints.</summary>
    public static TBuilder RequireFencingToken<TBuilder>(this TBuilder endpoints, FencingGate gate, FencingRequestOptions? options = null)
        where TBuilder : IEndpointConventionBuilder
    {
        ArgumentNullException.ThrowIfNull(gate);
        var admission = new FencingAdmission(gate, options ?? new FencingRequestOptions());
        return endpoints.AddEndpointFilter(async (context, next) =>
        {
            object? result = null;
            var refusal = await admission.RunAsync(context.HttpContext, async () => result = await next(context).ConfigureAwait(false)).ConfigureAwait(false);
            return refusal ?? result;
        });
    }
}
