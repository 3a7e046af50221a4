// Elections measured on the real thing, per backend: how long a hand-over takes beside the backend's own round trips, how long a killed holder leaves the place empty, and what many elections in one
// process cost; beside it Go's clientv3/concurrency and kazoo against the same servers. What is measured and how: ../README.md

using System.Runtime.InteropServices;
using Conclave.Bench.Elections;
using Conclave.Bench.Elections.Contestants;
using Conclave.Bench.Elections.Drills;
using Conclave.Bench.Elections.Machine;
using Conclave.Bench.Elections.Report;
using Conclave.Bench.Elections.Subjects;

switch (args)
{
    case [ContestantProgram.Word, .. var role]:
        return await ContestantProgram.RunAsync(role);
    case [ManyProgram.Word, .. var role]:
        return await ManyProgram.RunAsync(role);
}

Subject[] subjects =
[
    new InMemorySubject(), new EtcdSubject("etcd", isOurs: false), new EtcdSubject("serve", isOurs: true), new ZooKeeperSubject(), new KubernetesSubject(),
    new PeersSubject(isFast: false), new PeersSubject(isFast: true),
];
Settings settings;
try
{
    settings = Settings.Parse(args, [.. subjects.Select(subject => subject.Name)]);
}
catch (FormatException wrong)
{
    await Console.Error.WriteLineAsync($"{wrong.Message}\n{Settings.Usage}");
    return 2;
}

if (settings.Help)
{
    Console.WriteLine(Settings.Usage);
    return 0;
}

using var place = new Place();
using var interrupted = PosixSignalRegistration.Create(PosixSignal.SIGINT, BreakOff);
using var terminated = PosixSignalRegistration.Create(PosixSignal.SIGTERM, BreakOff);
var (began, loadBefore) = (DateTimeOffset.UtcNow, Kernel.LoadAverage());
var rows = new List<Row>();
foreach (var subject in subjects.Where(subject => settings.Only?.Contains(subject.Name) ?? true))
{
    await using (subject)
    {
        await Console.Error.WriteLineAsync($"{subject.Name} starts");
        await subject.StartAsync(place);
        await MeasureAsync(subject);
    }
}

var machine = Printer.Machine(began, loadBefore);
Console.Write(settings.Json ? Printer.ToJson(machine, rows) + "\n" : "\n" + Printer.Markdown(machine, rows));
return 0;

async Task MeasureAsync(Subject subject)
{
    var roundTripMs = 0.0;
    if (settings.Does("handover"))
    {
        var (measured, ownMs) = await HandOver.RunAsync(subject, settings);
        roundTripMs = ownMs;
        Add(measured);
    }

    if (settings.Does("killed"))
        Add(await KilledHolder.RunAsync(subject, roundTripMs, settings));
    if (settings.Does("lead"))
        Add(await KilledProgram.RunAsync(subject, place, settings));
    if (settings.Does("memory"))
        Add(await ManyElections.RunAsync(subject, settings));
}

void Add(IReadOnlyList<Row> measured)
{
    rows.AddRange(measured);
    foreach (var row in measured)
        Console.Error.WriteLine($"{row.Subject}: {row.What}: {Row.Show(row.Median)} {row.Unit}, at most {Row.Show(row.Max)}");
}

void BreakOff(PosixSignalContext context)
{
    context.Cancel = true;
    place.Dispose();
    Console.Error.WriteLine("broken off; everything was ended");
    Environment.Exit(130);
}
