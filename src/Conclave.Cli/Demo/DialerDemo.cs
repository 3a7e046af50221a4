using System.Diagnostics;
using System.Globalization;
using Conclave.Orchestration;

namespace Conclave.Cli.Demo;

/// <summary>
/// The double dialer with real processes on this host: five instances and a telephony API, first without an election, then with one whose leader is killed, paused and cut off. All is judged by the API's bill.
/// </summary>
internal sealed class DialerDemo(DialerDemoOptions options, IDemoScreen screen)
{
    private const string Without = "without election";
    private const string With = "with election";

    private LaneView _one = new() { Title = Without, CallsExpected = (long)options.Customers * options.Instances };
    private LaneView _other = new() { Title = With, CallsExpected = options.Customers };

    /// <summary>Runs both lanes. Whatever happens, nothing that it started runs any more when this returns or throws.</summary>
    public async Task<DialerReceipt> RunAsync(CancellationToken stopping)
    {
        var began = Stopwatch.GetTimestamp();
        var directory = options.Directory is { } chosen ? MakeEmpty(chosen) : Directory.CreateTempSubdirectory("conclave-demo-").FullName;
        var keeps = options.Directory is not null;
        try
        {
            await using var processes = new DemoProcesses();
            var without = await WithoutElectionAsync(processes, Path.Combine(directory, "without"), stopping);
            var (with, faults) = await WithElectionAsync(processes, Path.Combine(directory, "with"), stopping);
            var receipt = DialerReceipt.Of(options, without, with, [.. faults], Stopwatch.GetElapsedTime(began));
            keeps |= !receipt.Passed;
            return keeps ? receipt with { Directory = directory } : receipt;
        }
        catch (ConclaveException failed) when (failed.ExitCode == ExitCode.Failed)
        {
            keeps = true;
            throw new ConclaveException($"{failed.Message.TrimEnd('.')}; logs are in {directory}", failed.ExitCode, failed);
        }
        finally
        {
            if (!keeps)
                Directory.Delete(directory, recursive: true);
        }
    }

    private async Task<LaneReceipt> WithoutElectionAsync(DemoProcesses processes, string directory, CancellationToken stopping)
    {
        using var lane = new DialerLane(options, processes, directory, elects: false);
        await lane.StartTelephonyAsync(stopping);
        lane.StartDialers(endpointOf: null);
        screen.Say($"{Without}: five instances wait for nine");
        var expected = _one.CallsExpected;
        await lane.UntilAsync("each instance has called each customer", () => lane.Tally.CallsBilled >= expected && lane.Statistics.UnderWay == 0, Show, stopping);
        var receipt = await lane.EndAsync(stopping);
        screen.Say(string.Create(CultureInfo.InvariantCulture, $"{Without}: {receipt.CallsBilled:N0} calls billed for {options.Customers:N0} customers"));
        return receipt;

        void Show()
        {
            _one = LaneView.Of(Without, expected, lane.Tally);
            screen.Show(_one, _other);
        }
    }

    private async Task<(LaneReceipt Receipt, IReadOnlyList<FaultReceipt> Faults)> WithElectionAsync(DemoProcesses processes, string directory, CancellationToken stopping)
    {
        using var lane = new DialerLane(options, processes, directory, elects: true);
        await using var coordination = await Coordination.StartAsync(processes, directory, options.Instances, stopping);
        await lane.StartTelephonyAsync(stopping);
        lane.StartDialers(number => coordination.RelayOf(number).Endpoint);
        screen.Say($"{With}: five instances elect a leader and wait for nine");
        LeaderFaults faults = null!;
        faults = new LeaderFaults(options, lane, coordination, () => Show(faults), what => screen.Say($"{With}: {what}"));
        var injected = await faults.InjectAsync(stopping);
        await lane.UntilAsync("every customer is called", () => lane.Tally.CustomersCalled == options.Customers && lane.Statistics.UnderWay == 0, () => Show(faults), stopping);
        var receipt = await lane.EndAsync(stopping);
        screen.Say(string.Create(CultureInfo.InvariantCulture, $"{With}: {receipt.CallsBilled:N0} calls billed for {options.Customers:N0} customers"));
        return (receipt, injected);

        void Show(LeaderFaults faults)
        {
            var leader = coordination.Reigns.Now;
            _other = LaneView.Of(With, options.Customers, lane.Tally) with
            {
                Leader = leader?.Instance ?? "nobody",
                Token = leader?.Token,
                Refused = lane.Statistics.Refused,
                Absorbed = lane.Statistics.Absorbed,
                Last = faults.Last,
            };
            screen.Show(_one, _other);
        }
    }

    private static string MakeEmpty(string path)
    {
        var directory = Directory.CreateDirectory(path);
        return directory.EnumerateFileSystemInfos().Any()
            ? throw new ConclaveException($"--directory {path} is not empty; name a new one", ExitCode.Usage)
            : directory.FullName;
    }
}
