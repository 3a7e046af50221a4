// What one gateway process costs beside one process of plain YARP and no proxy at all, in one run on one machine.
//
//   dotnet run -c Release --project bench/gateway -- [seconds per run] [rounds] [connections]
//
// The driver starts two instances, a gateway and a plain YARP as processes of their own and loads each in turn with wrk. The order
// alternates from round to round, so that a drift of the machine falls on all. Printed: medians, spread and the ratios that the target
// names (requests/s >= 0.9 x, p99 <= 1.1 x plain YARP).

using System.Globalization;
using Conclave.Bench.Gateway;

if (args is ["instance"]) return await Roles.InstanceAsync();
if (args is ["yarp", .. var yarpPorts]) return await Roles.YarpAsync(Ports(yarpPorts));
if (args is ["gateway", .. var gatewayPorts]) return await Roles.GatewayAsync(Ports(gatewayPorts));

var seconds = Number(0, 5);
var rounds = Number(1, 5);
var connections = Number(2, 32);

using var one = Child.Start("instance");
using var two = Child.Start("instance");
string[] ports = [one.Port, two.Port];
using var yarp = Child.Start(["yarp", .. ports]);
using var gateway = Child.Start(["gateway", .. ports]);
(string Name, Child Child, List<Wrk> Runs)[] subjects = [("direct", one, []), ("yarp", yarp, []), ("gateway", gateway, [])];

// Twice in turn: the runtime compiles the hot path again while it runs, later the busier the machine is.
foreach (var (_, child, _) in subjects.Concat(subjects)) await Wrk.RunAsync(child, 4, connections);
for (var round = 0; round < rounds; round++)
{
    var order = round % 2 == 0 ? subjects : subjects.Reverse().ToArray();
    foreach (var (name, child, runs) in order)
    {
        var run = await Wrk.RunAsync(child, seconds, connections);
        runs.Add(run);
        Console.WriteLine($"round {round + 1} {name,-8} {run.RequestsPerSecond,9:0} requests/s   p50 {run.P50Ms,6:0.00} ms   p99 {run.P99Ms,6:0.00} ms   cpu {run.ProcessorUs,5:0.0} us   errors {run.Errors}");
    }
}

Console.WriteLine($"\n{rounds} rounds of {seconds} s, {connections} connections: median (min to max)");
foreach (var (name, _, runs) in subjects)
    Console.WriteLine($"{name,-8} requests/s {Spread(runs, r => r.RequestsPerSecond, "0")}   p50 {Spread(runs, r => r.P50Ms, "0.00")} ms   p99 {Spread(runs, r => r.P99Ms, "0.00")} ms   cpu/request {Spread(runs, r => r.ProcessorUs, "0.0")} us");
var throughput = Median(subjects[2].Runs, r => r.RequestsPerSecond) / Median(subjects[1].Runs, r => r.RequestsPerSecond);
var processor = Median(subjects[2].Runs, r => r.ProcessorUs) / Median(subjects[1].Runs, r => r.ProcessorUs);
var latency = Median(subjects[2].Runs, r => r.P99Ms) / Median(subjects[1].Runs, r => r.P99Ms);
Console.WriteLine($"gateway / yarp: requests/s {throughput:0.00} (target >= 0.90), p99 {latency:0.00} (target <= 1.10), cpu/request {processor:0.00}");
return 0;

int Number(int index, int otherwise) => args.Length > index ? int.Parse(args[index], CultureInfo.InvariantCulture) : otherwise;

static int[] Ports(string[] ports) => [.. ports.Select(p => int.Parse(p, CultureInfo.InvariantCulture))];

static double Median(List<Wrk> runs, Func<Wrk, double> of) => runs.Select(of).Order().ElementAt(runs.Count / 2);

static string Spread(List<Wrk> runs, Func<Wrk, double> of, string format) =>
    string.Create(CultureInfo.InvariantCulture, $"{Median(runs, of).ToString(format, CultureInfo.InvariantCulture)} ({runs.Min(of).ToString(format, CultureInfo.InvariantCulture)} to {runs.Max(of).ToString(format, CultureInfo.InvariantCulture)})");
