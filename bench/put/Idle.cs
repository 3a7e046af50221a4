using System.Globalization;

namespace Conclave.Bench.Put;

/// <summary>What members cost when nobody asks them anything.</summary>
internal static class Idle
{
    public static async Task ShowAsync(IReadOnlyList<Group> groups, TimeSpan duration, TextWriter output)
    {
        await Task.Delay(TimeSpan.FromSeconds(3)); // until starting is over
        var before = groups.Select(g => g.Members.Select(m => (Processor: Group.ProcessorTimeOf(m), Switches: Switches(m.Id))).ToArray()).ToArray();
        await Task.Delay(duration);
        for (var g = 0; g < groups.Count; g++)
        {
            for (var i = 0; i < groups[g].Members.Count; i++)
            {
                var member = groups[g].Members[i];
                var share = (Group.ProcessorTimeOf(member) - before[g][i].Processor) / duration;
                var switches = (Switches(member.Id) - before[g][i].Switches) / duration.TotalSeconds;
                await output.WriteLineAsync(string.Create(CultureInfo.InvariantCulture,
                    $"{groups[g].Name,-8} m{i}  {share * 100,5:0.00} % of a core  {switches,6:0} sleeps/s  {member.WorkingSet64 / 1048576.0,5:0} MiB resident  {member.Threads.Count} threads"));
            }
        }
    }

    /// <summary>How often any of its threads went to sleep of its own accord.</summary>
    private static long Switches(int pid)
    {
        long sum = 0;
        foreach (var task in Directory.GetDirectories($"/proc/{pid}/task"))
        {
            try
            {
                sum += File.ReadLines(Path.Combine(task, "status")).Where(l => l.StartsWith("voluntary_ctxt_switches:", StringComparison.Ordinal))
                    .Sum(l => long.Parse(l.AsSpan(l.IndexOf(':') + 1), NumberStyles.AllowLeadingWhite, CultureInfo.InvariantCulture));
            }
            catch (IOException)
            {
                // The thread ended meanwhile.
            }
        }

        return sum;
    }
}
