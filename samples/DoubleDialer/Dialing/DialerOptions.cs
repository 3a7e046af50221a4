namespace Conclave.Samples.DoubleDialer.Dialing;

/// <summary>What an instance is told on its command line.</summary>
internal sealed record DialerOptions
{
    /// <summary>Where the telephony API is.</summary>
    public required Uri Telephony { get; init; }

    /// <summary>When to dial.</summary>
    public required DailyCron Cron { get; init; }

    /// <summary>Customers 1 to this one are called. Stands for a table of customers.</summary>
    public required int Customers { get; init; }

    /// <summary>How many are called at the same time. Default 16.</summary>
    public required int Lines { get; init; }

    /// <summary>When this process read them. An instance that is elected after nine knows by it that it was there at nine, and nobody was elected.</summary>
    public DateTimeOffset Began { get; } = DateTimeOffset.UtcNow;

    public static DialerOptions From(IConfiguration arguments)
    {
        var telephony = arguments.Required("telephony", "http://localhost:5009");
        return new DialerOptions
        {
            Telephony = Uri.TryCreate(telephony, UriKind.Absolute, out var uri) ? uri : throw new UsageException($"--telephony '{telephony}' is not a URL"),
            Cron = DailyCron.Parse(arguments["cron"] ?? "0 9 * * *"),
            Customers = arguments.Number("customers", otherwise: 10_000, least: 1, most: 10_000_000),
            Lines = arguments.Number("lines", otherwise: 16, least: 1, most: 1000),
        };
    }
}
