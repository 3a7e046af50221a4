using System.Diagnostics;
using System.Globalization;
using System.Net.Http.Json;
using Conclave.Orchestration;

namespace Conclave.Cli.Demo;

/// <summary>One lane: a telephony API, five instances, and what its bill says. Not thread-safe; its processes are ended by who made <see cref="DemoProcesses"/>.</summary>
internal sealed class DialerLane : IDisposable
{
    /// <summary>"9:00" is this long after the start. An instance that is up later still takes part.</summary>
    private static readonly TimeSpan UntilNine = TimeSpan.FromSeconds(3);

    private readonly DialerDemoOptions _options;
    private readonly DemoProcesses _processes;
    private readonly string _directory;
    private readonly bool _elects;
    private readonly BillTail _tail;
    private readonly HttpClient _http = new(new SocketsHttpHandler { UseProxy = false }) { Timeout = TimeSpan.FromSeconds(30) };
    private readonly long _began = Stopwatch.GetTimestamp();
    private DemoProcess? _telephony;

    /// <param name="options">Of the demo.</param>
    /// <param name="processes">Where its processes are held.</param>
    /// <param name="directory">Its own; made here.</param>
    /// <param name="elects">Whether instances elect, and whether the API then checks what it is sent.</param>
    public DialerLane(DialerDemoOptions options, DemoProcesses processes, string directory, bool elects)
    {
        (_options, _processes, _directory, _elects) = (options, processes, Directory.CreateDirectory(directory).FullName, elects);
        Tally = new LaneTally(options.Customers);
        _tail = new BillTail(Path.Combine(_directory, "bill.csv"), Tally);
    }

    public LaneTally Tally { get; }

    public TelephonyStatistics Statistics { get; private set; } = TelephonyStatistics.None;

    /// <summary>By their names.</summary>
    public Dictionary<string, DemoProcess> Dialers { get; } = new(StringComparer.Ordinal);

    /// <summary>Starts the API and returns when it listens.</summary>
    public async Task StartTelephonyAsync(CancellationToken stopping)
    {
        var requireToken = _elects && _options.Without != MissingDefence.Token;
        var keys = _elects && _options.Without != MissingDefence.Key ? _options.RememberedKeys : 0;
        _telephony = _processes.StartSample("telephony", _directory,
            "telephony", "--directory", _directory, "--urls", "http://127.0.0.1:0", "--require-token", requireToken ? "true" : "false", "--remember-keys", Text(keys));
        await Waits.UntilAsync("the telephony API listens", async () =>
        {
            await _processes.RequireAliveAsync();
            _http.BaseAddress = AddressIn(_telephony.LogFile);
            return _http.BaseAddress is not null;
        }, stopping);
    }

    /// <summary>Starts the instances; <paramref name="endpointOf"/> says where the one of a number finds the coordination server.</summary>
    public void StartDialers(Func<int, string>? endpointOf)
    {
        var nine = DateTimeOffset.UtcNow + UntilNine;
        var cron = string.Create(CultureInfo.InvariantCulture, $"{nine.Second} {nine.Minute} {nine.Hour} * * *");
        for (var number = 1; number <= _options.Instances; number++)
        {
            string[] arguments = ["dialer", "--telephony", _http.BaseAddress!.ToString(), "--cron", cron, "--customers", Text(_options.Customers), "--lines", Text(_options.Lines)];
            if (endpointOf is not null)
            {
                var ttl = string.Create(CultureInfo.InvariantCulture, $"{_options.Ttl.TotalMilliseconds:0}ms");
                arguments = [.. arguments, "--etcd", endpointOf(number), "--progress", Path.Combine(_directory, "progress"), $"--Conclave:Elections:{Coordination.Election}:Lease:Ttl={ttl}"];
            }

            var name = $"dialer-{Text(number)}";
            Dialers.Add(name, _processes.StartSample(name, _directory, arguments));
        }
    }

    /// <summary>Reads bill and statistics until they fulfil the condition.</summary>
    /// <param name="condition">Named in the failure.</param>
    /// <param name="holds">Asked after each look.</param>
    /// <param name="show">Called after each look.</param>
    /// <param name="stopping">Ends the waiting.</param>
    public Task UntilAsync(string condition, Func<bool> holds, Action show, CancellationToken stopping) => Waits.UntilAsync(
        condition,
        async () =>
        {
            await LookAsync(stopping);
            show();
            return holds();
        },
        stopping,
        () => Tally.CallsBilled);

    /// <summary>Ends its processes in good order, and reads the bill to its end.</summary>
    public async Task<LaneReceipt> EndAsync(CancellationToken stopping)
    {
        var took = Stopwatch.GetElapsedTime(_began);
        await DemoProcesses.StopAsync(Dialers.Values, stopping);
        await LookAsync(stopping);
        await DemoProcesses.StopAsync([_telephony!], stopping);
        _tail.Look();
        return LaneReceipt.Of(Tally, _options.Instances, Statistics, took);
    }

    public void Dispose() => _http.Dispose();

    private async Task LookAsync(CancellationToken stopping)
    {
        await _processes.RequireAliveAsync();
        try
        {
            Statistics = await _http.GetFromJsonAsync("statistics", TelephonyJson.Default.TelephonyStatistics, stopping) ?? Statistics;
        }
        catch (HttpRequestException silent)
        {
            await _processes.RequireAliveAsync();
            throw new ConclaveException($"the telephony API does not answer: {silent.Message}", ExitCode.Failed, silent);
        }

        _tail.Look();
    }

    private static Uri? AddressIn(string log)
    {
        const string Says = "listens on ";
        if (!File.Exists(log))
            return null;
        using var reader = new StreamReader(new FileStream(log, FileMode.Open, FileAccess.Read, FileShare.ReadWrite));
        var text = reader.ReadToEnd();
        var said = text.IndexOf(Says, StringComparison.Ordinal);
        var end = said < 0 ? -1 : text.IndexOf('\n', said);
        return end < 0 ? null : new Uri(text[(said + Says.Length)..end]);
    }

    private static string Text(int number) => number.ToString(CultureInfo.InvariantCulture);
}
