using System.Text.Json.Serialization;
using System.Text.RegularExpressions;
using Microsoft.AspNetCore.Mvc;

namespace Conclave.Samples.DoubleDialer.Telephony;

/// <summary>Makes calls. A call that has begun is made and billed to its end, whatever becomes of the one who asked for it: the telephone rings already.</summary>
/// <param name="bill">Where each call is written.</param>
/// <param name="keys">Null: the API knows no idempotency keys.</param>
internal sealed partial class Exchange(Bill bill, CallKeys? keys)
{
    private long _refused;
    private long _absorbed;
    private int _announced;
    private int _underWay;

    public Statistics Statistics =>
        new(bill.Count, Interlocked.Read(ref _refused), Interlocked.Read(ref _absorbed), Volatile.Read(ref _announced), Volatile.Read(ref _underWay));

    public void CountRefusal() => Interlocked.Increment(ref _refused);

    /// <summary>Takes down the announcement of a call, which lasts as long as the caller speaks.</summary>
    public async ValueTask<Announcement> HearAsync(HttpRequest request)
    {
        Interlocked.Increment(ref _announced);
        try
        {
            return await Announcement.ReadAsync(request);
        }
        finally
        {
            Interlocked.Decrement(ref _announced);
        }
    }

    /// <summary>Behind the token's check. The announcement is a parameter so that the request has arrived whole before the token is looked at: nothing that can take its time lies between check and call.</summary>
    public async Task<IResult> CallAsync(
        int customer,
        Announcement announcement,
        [FromHeader(Name = "Idempotency-Key")] string? key,
        [FromHeader(Name = FencingHeader.Name)] string? token,
        [FromHeader(Name = "User-Agent")] string? caller)
    {
        if (announcement.Length == 0)
            return Refusal("an announcement is the request's body");
        if (key is null || !Word().IsMatch(key))
            return Refusal("the header Idempotency-Key says which call this is, in up to 64 letters, digits and / . _ : -");
        var call = new Call(customer, key, FencingToken.TryParse(token, out var parsed) ? parsed : FencingToken.None, caller is not null && Word().IsMatch(caller) ? caller : "unknown");
        if (keys is null)
            return TypedResults.Json(new CallAnswer(await MakeAsync(call), Repeated: false), TelephonyJson.Default.CallAnswer, statusCode: StatusCodes.Status201Created);

        var (number, repeated) = await keys.OnceAsync(key, () => MakeAsync(call));
        if (repeated)
            Interlocked.Increment(ref _absorbed);
        return TypedResults.Json(new CallAnswer(number, repeated), TelephonyJson.Default.CallAnswer, statusCode: repeated ? StatusCodes.Status200OK : StatusCodes.Status201Created);
    }

    private async Task<long> MakeAsync(Call call)
    {
        Interlocked.Increment(ref _underWay);
        try
        {
            await Task.Delay(5 + (call.Customer * 7 % 11)); // it rings, some longer than others
            return await bill.AddAsync(call);
        }
        finally
        {
            Interlocked.Decrement(ref _underWay);
        }
    }

    private static Microsoft.AspNetCore.Http.HttpResults.ProblemHttpResult Refusal(string why) =>
        TypedResults.Problem(why, statusCode: StatusCodes.Status400BadRequest, title: "Not a call");

    [GeneratedRegex("^[A-Za-z0-9/._:-]{1,64}$")]
    private static partial Regex Word();
}

/// <summary>What is played to the customer; only its length matters here.</summary>
internal readonly record struct Announcement(int Length)
{
    private const int LengthMax = 1 << 20;

    /// <summary>Part of the request, so it is read to its end before anything else is looked at.</summary>
    public static ValueTask<Announcement> BindAsync(HttpContext context) => context.RequestServices.GetRequiredService<Exchange>().HearAsync(context.Request);

    public static async ValueTask<Announcement> ReadAsync(HttpRequest request)
    {
        var block = new byte[4096];
        var length = 0;
        for (int read; length <= LengthMax && (read = await request.Body.ReadAsync(block, request.HttpContext.RequestAborted)) > 0;)
            length += read;
        return new Announcement(length <= LengthMax ? length : throw new BadHttpRequestException("the announcement is too long", StatusCodes.Status413PayloadTooLarge));
    }
}

/// <summary>What the caller is told.</summary>
/// <param name="Number">The line of the bill.</param>
/// <param name="Repeated">The call had been made before, under the same key; this request dialled nobody.</param>
internal sealed record CallAnswer(long Number, bool Repeated);

/// <summary>Since the API started; the bill has the rest.</summary>
/// <param name="Billed">Lines of the bill.</param>
/// <param name="Refused">Requests of former leaders.</param>
/// <param name="Absorbed">Repetitions, known by their key.</param>
/// <param name="Announced">Calls that were asked for, and whose announcement is still being spoken.</param>
/// <param name="UnderWay">Calls that ring at this moment.</param>
internal sealed record Statistics(long Billed, long Refused, long Absorbed, int Announced, int UnderWay);

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase)]
[JsonSerializable(typeof(CallAnswer))]
[JsonSerializable(typeof(Statistics))]
[JsonSerializable(typeof(ProblemDetails))]
internal sealed partial class TelephonyJson : JsonSerializerContext;
