using System.Diagnostics;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.HttpResults;

namespace Conclave.AspNetCore;

/// <summary>One request before the gate.</summary>
internal sealed class FencingAdmission(FencingGate gate, FencingRequestOptions options)
{
    private const string Remedy = "The sender no longer leads; it must stop, and can campaign again.";

    /// <summary>Runs <paramref name="act"/> if the request may act, and returns null; otherwise the refusal.</summary>
    public async Task<IResult?> RunAsync(HttpContext context, Func<Task> act)
    {
        var request = context.Request;
        if (options.SafeMethodsPass && IsSafe(request.Method))
        {
            await act().ConfigureAwait(false);
            return null;
        }

        var sent = request.Headers[options.HeaderName];
        if (sent.Count == 0)
            return Refusal(StatusCodes.Status428PreconditionRequired, "No fencing token", $"Send the token of your leadership in the header {options.HeaderName}.");
        if (sent.Count > 1 || !FencingToken.TryParse(sent[0], out var token) || token <= FencingToken.None)
            return Refusal(StatusCodes.Status400BadRequest, "Not a fencing token", $"The header {options.HeaderName} holds one positive number in decimal digits.");

        var verdict = options.OneAtATime
            ? await gate.RunAsync(token, _ => act(), context.RequestAborted).ConfigureAwait(false)
            : await gate.CheckAsync(token, context.RequestAborted).ConfigureAwait(false);
        switch (verdict)
        {
            case FencingVerdict.Admitted:
                if (!options.OneAtATime)
                    await act().ConfigureAwait(false);
                return null;
            case FencingVerdict.Refused refused:
                return Refusal(StatusCodes.Status412PreconditionFailed, "A newer leader was here", $"Token {token} is older than {refused.Highest}. {Remedy}");
            case FencingVerdict.Unknown:
                return Refusal(StatusCodes.Status503ServiceUnavailable, "The token cannot be checked", "The store of the highest token did not answer. Nothing was done; try again.");
            default:
                throw new UnreachableException($"No answer for {verdict}.");
        }
    }

    private static bool IsSafe(string method) => HttpMethods.IsGet(method) || HttpMethods.IsHead(method) || HttpMethods.IsOptions(method) || HttpMethods.IsTrace(method);

    private static ProblemHttpResult Refusal(int status, string title, string detail) => TypedResults.Problem(detail, statusCode: status, title: title);
}
