using System.Diagnostics;
using System.Globalization;
using System.Net.Sockets;
using System.Text.Json;

namespace Conclave.Bench.SelfHeal.Subjects;

/// <summary>A gateway's word that an instance gets requests from it, or gets none any more.</summary>
internal readonly record struct RotationChange(string Id, bool Arrived, long MonoNs);

/// <summary>The real thing: <c>conclave up -d</c> in a directory of its own, with the ASP.NET sample.</summary>
internal sealed class ConclaveCluster : IAsyncDisposable
{
    private readonly Place _place;
    private readonly string _directory;
    private readonly string _data;
    private readonly string _broken;
    private bool _ended;

    private ConclaveCluster(Place place)
    {
        _place = place;
        _directory = place.MakeNew("conclave");
        _data = Path.Combine(_directory, ".conclave");
        _broken = Directory.CreateDirectory(Path.Combine(_directory, "broken", "web")).FullName;
        Url = new Uri(string.Create(CultureInfo.InvariantCulture, $"http://127.0.0.1:{Place.FreePort()}"));
        Events = new EventTail(_data);
    }

    public Uri Url { get; }

    public EventTail Events { get; }

    /// <summary>Wall time of <c>up -d</c>, from the call to its return, which is when the service answers.</summary>
    public TimeSpan StartTook { get; private set; }

    public static async Task<ConclaveCluster> StartAsync(Place place, bool throughScript = false)
    {
        var cluster = new ConclaveCluster(place);
        place.Owe(cluster);
        var sample = Path.GetDirectoryName(place.Sample)!;

        // What the sample's own file says, but for the port, and for a shell that a crash loop can be ordered from; it replaces itself.
        var command = $"[ ! -e {cluster._broken}/../$CONCLAVE_INSTANCE ] || exit 1; exec dotnet Conclave.Samples.Web.dll --urls http://127.0.0.1:$PORT";
        await File.WriteAllTextAsync(Path.Combine(cluster._directory, "conclave.yaml"), $$"""
            name: selfheal
            cluster: { nodes: 3, data: ./.conclave }
            gateway:
              listen: ["{{cluster.Url.GetLeftPart(UriPartial.Authority)}}"]
              routes: { "/": web }
            services:
              web:
                command: ["sh", "-c", "{{command}}"]
                directory: {{sample}}
                replicas: 3
                ready: { http: /readyz, interval: 1s, timeout: 500ms, failures: 3 }
                live:  { http: /livez, interval: 2s, timeout: 1s, failures: 3 }
                restart: always
                stop_signal: SIGTERM
                stop_grace_period: 20s

            """);
        var began = Stopwatch.GetTimestamp();
        await Tool.RunAsync(throughScript ? place.Script : place.Conclave, cluster._directory, "up", "-d");
        cluster.StartTook = Stopwatch.GetElapsedTime(began);
        cluster.Events.Read();
        return cluster;
    }

    /// <summary>From now on starts of <c>web/number</c> fail.</summary>
    public void Break(int number) => File.WriteAllText(BrokenFile(number), "");

    public void Mend(int number) => File.Delete(BrokenFile(number));

    public Task<string> StatusAsync() => Tool.RunAsync(_place.Conclave, _directory, "status", "--json");

    /// <summary>Waits until <c>status</c> says healthy; false when it does not in time.</summary>
    public async Task<bool> HealthyAsync(TimeSpan within)
    {
        for (var began = Stopwatch.GetTimestamp(); Stopwatch.GetElapsedTime(began) < within; await Task.Delay(300))
        {
            using var status = JsonDocument.Parse(await StatusAsync());
            if (status.RootElement.GetProperty("state").GetString() == "healthy")
                return true;
        }

        return false;
    }

    /// <summary>What the gateways have noted since; a gateway that does not answer is left out.</summary>
    public async Task<List<List<RotationChange>>> RotationAsync()
    {
        var all = new List<List<RotationChange>>();
        for (var number = 1; number <= 2; number++)
        {
            try
            {
                using var stats = JsonDocument.Parse(await StatsAsync(number));
                all.Add([.. stats.RootElement.GetProperty("changes").EnumerateArray().Select(c => new RotationChange(
                    c.GetProperty("id").GetString()!, c.GetProperty("arrived").GetBoolean(), c.GetProperty("monoNs").GetInt64()))]);
            }
            catch (Exception silent) when (silent is HttpRequestException or OperationCanceledException)
            {
                Console.Error.WriteLine($"gateway/{number} does not tell its statistics: {silent.Message}");
            }
        }

        return all;
    }

    public async ValueTask DisposeAsync()
    {
        if (Interlocked.Exchange(ref _ended, true))
            return;
        try
        {
            await Tool.RunAsync(_place.Conclave, _directory, "down");
        }
        catch (InvalidOperationException failed)
        {
            Console.Error.WriteLine(failed.Message);
        }
    }

    private string BrokenFile(int number) => Path.Combine(_broken, number.ToString(CultureInfo.InvariantCulture));

    private async Task<string> StatsAsync(int number)
    {
        var socket = Path.Combine(_data, "run", string.Create(CultureInfo.InvariantCulture, $"gateway-{number}.sock"));
        using var http = new HttpClient(new SocketsHttpHandler
        {
            ConnectCallback = async (_, cancel) =>
            {
                var connection = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
                await connection.ConnectAsync(new UnixDomainSocketEndPoint(socket), cancel);
                return new NetworkStream(connection, ownsSocket: true);
            },
        })
        {
            Timeout = TimeSpan.FromSeconds(1),
        };
        return await http.GetStringAsync(new Uri("http://gateway/stats"));
    }
}
