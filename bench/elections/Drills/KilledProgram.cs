using System.Globalization;
using Conclave.Bench.Elections.Machine;
using Conclave.Bench.Elections.Report;
using Conclave.Bench.Elections.Subjects;
using Conclave.Wire.Etcd;
using Google.Protobuf;

namespace Conclave.Bench.Elections.Drills;

/// <summary>
/// Two of <c>conclave lead</c>; the program of the one that leads is killed, until the other's program runs. The time is that at which its first line arrives here, so a shell's start is in it.
/// </summary>
internal static class KilledProgram
{
    private const string Election = "bench/lead";
    private const double LimitMs = 150;

    public static async Task<IReadOnlyList<Row>> RunAsync(Subject subject, Place place, Settings settings)
    {
        if (subject.LeadEndpoint is not { } endpoint)
            return [];
        await using var client = new EtcdClient(new EtcdClientOptions { Endpoints = [endpoint] });
        var conclave = await place.ConclaveAsync();
        var measured = new List<double>();
        var leads = Start();
        var program = await ProgramOfAsync(leads);
        var waits = Start();
        try
        {
            for (var i = 0; i < settings.ProgramKills; i++)
            {
                await UntilBothStandAsync(client);
                var started = waits.HearAsync("started");
                var killed = Clock.Ns;
                Kernel.Signal(program.Id, Kernel.SigKill);
                var (words, ns) = await started;
                measured.Add(Clock.MsBetween(killed, ns));

                // A new one in its place: the old one stands back for longer with each failure of its program.
                await EndAsync(leads);
                (leads, program, waits) = (waits, (Id(words), ns), Start());
            }
        }
        finally
        {
            await EndAsync(waits);
            await EndAsync(leads);
        }

        return [new Row(subject.Name, "'conclave lead' whose program was killed, until the other's program runs", "ms", measured).Target(Binds.Every, LimitMs)];

        Child Start() => Child.Start("conclave lead", conclave, ["lead", Election, "--endpoints", endpoint, "--ttl", "15", "--", "sh", "-c", "echo started $$; exec sleep 600"], place.Temporary);
    }

    private static async Task<(int Id, long Ns)> ProgramOfAsync(Child lead)
    {
        var (words, ns) = await lead.HearAsync("started");
        return (Id(words), ns);
    }

    private static int Id(string[] words) => int.Parse(words[0], CultureInfo.InvariantCulture);

    private static async Task UntilBothStandAsync(EtcdClient client)
    {
        var all = new RangeRequest { Key = ByteString.CopyFromUtf8(Election + "/"), RangeEnd = ByteString.CopyFromUtf8(Election + "0"), CountOnly = true };
        while ((await client.RangeAsync(all)).Count != 2)
            await Task.Delay(10);
        await Task.Delay(100); // the second has its key; now it looks who stands before it, and watches
    }

    /// <summary>By the signal that it hands over on: killed, it would leave its guard to end the program.</summary>
    private static async Task EndAsync(Child lead)
    {
        if (!lead.HasExited)
            Kernel.Signal(lead.Id, Kernel.SigTerm);
        await lead.EndedAsync().WaitAsync(TimeSpan.FromSeconds(20));
        lead.Dispose();
    }
}
