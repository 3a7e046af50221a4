namespace Conclave.Samples.DoubleDialer.Telephony;

/// <summary>
/// The API that dials, and bills each call. It can defend itself in two ways, each switched off by itself to see what then goes wrong: it refuses tokens of former leaders, and it knows a call it has made
/// by its idempotency key.
/// </summary>
internal static class TelephonyProgram
{
    public static async Task<int> RunAsync(string[] args)
    {
        var builder = WebApplication.CreateSlimBuilder(args);
        builder.Logging.SetMinimumLevel(LogLevel.Warning);
        builder.Services.ConfigureHttpJsonOptions(json => json.SerializerOptions.TypeInfoResolverChain.Insert(0, TelephonyJson.Default));
        var arguments = builder.Configuration;
        var directory = arguments.Required("directory", "/var/lib/telephony");
        var remembered = arguments.Number("remember-keys", otherwise: 100_000, least: 0, most: 10_000_000);
        var requireToken = arguments["require-token"] is not "false";
        Directory.CreateDirectory(directory);

        using var bill = Bill.Open(Path.Combine(directory, "bill.csv"), remembered, out var last);
        using var gate = new FencingGate(new FileFencingStore(Path.Combine(directory, "token")));
        var exchange = new Exchange(bill, remembered == 0 ? null : new CallKeys(remembered, last));
        builder.Services.AddSingleton(exchange);
        builder.WebHost.ConfigureKestrel(kestrel => kestrel.Limits.MinRequestBodyDataRate = null); // who announces may pause for breath
        await using var app = builder.Build();
        app.Use(async (context, next) =>
        {
            await next(context);
            if (context.Response.StatusCode == StatusCodes.Status412PreconditionFailed)
                exchange.CountRefusal();
        });
        var call = app.MapPost("/calls/{customer:int}", exchange.CallAsync);
        if (requireToken)
            call.RequireFencingToken(gate);
        app.MapGet("/statistics", () => exchange.Statistics);

        var billing = bill.RunAsync();
        await app.StartAsync();
        Console.WriteLine($"listens on {app.Urls.First()}");
        await Task.WhenAny(billing, app.WaitForShutdownAsync()); // who cannot bill does not dial
        await app.StopAsync();
        bill.Complete();
        await billing;
        return 0;
    }
}
