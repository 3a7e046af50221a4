namespace Conclave.Samples.DoubleDialer.Dialing;

/// <summary>
/// One of the five instances. With <c>--etcd</c> those of the same election agree on one of them that dials; without it each dials for itself, which is the mistake that this sample is about.
/// </summary>
internal static class DialerProgram
{
    private const string Election = "billing/dialer";

    public static async Task<int> RunAsync(string[] args)
    {
        var builder = Host.CreateApplicationBuilder(args);
        builder.Logging.SetMinimumLevel(LogLevel.Warning);
        var options = DialerOptions.From(builder.Configuration);
        builder.Services.AddSingleton(options);
        var client = builder.Services.AddHttpClient<TelephonyClient>(http =>
        {
            http.BaseAddress = options.Telephony;
            http.DefaultRequestHeaders.Add("User-Agent", CandidateName.Default);
        });

        if (builder.Configuration["etcd"] is { Length: > 0 } etcd)
        {
            builder.Services.AddSingleton(new Campaigns(builder.Configuration.Required("progress", "/var/lib/dialer")));
            client.AddHttpMessageHandler(() => new FencingTokenHandler());
            builder.Services.AddLeaderElection(Election, e => e.UseEtcd(etcd.Split(','))).AddLeaderService<Dialer>();
        }
        else
        {
            builder.Services.AddHostedService<LoneDialer>();
        }

        await builder.Build().RunAsync();
        return 0;
    }
}
