using System.Globalization;
using System.Threading.Channels;
using Conclave.Orchestration.Model;
using Conclave.Orchestration.Processes;
using Microsoft.Win32.SafeHandles;

namespace Conclave.Cli.Lead;

/// <summary>
/// The second process of <c>conclave lead</c>: owns the program, and ends it before the leadership does, whatever becomes of the elector. It talks to nobody but the elector, so no network
/// and no lock of a library stands between the deadline and the kill.
/// </summary>
internal static class GuardProgram
{
    /// <summary>Where the guard finds its ends of the two pipes.</summary>
    public const int Orders = 3;

    /// <summary>See <see cref="Orders"/>.</summary>
    public const int Reports = 4;

    /// <summary>Arguments: grace in milliseconds, signal, first deadline in ticks, then the command.</summary>
    public static async Task<int> RunAsync(string[] arguments)
    {
        if (arguments is not [var grace, var signal, var deadline, var file, .. var rest] || !Signal.TryParse(signal, out var ask))
            throw new ArgumentException("The guard is started by 'conclave lead' only.", nameof(arguments));
        var rules = new GuardRules(
            TimeSpan.FromMilliseconds(long.Parse(grace, CultureInfo.InvariantCulture)), new Instant(TimeSpan.FromTicks(long.Parse(deadline, CultureInfo.InvariantCulture))));
        await using var orders = new FileStream(new SafeFileHandle(Orders, ownsHandle: true), FileAccess.Read, bufferSize: 1);
        await using var reports = new FileStream(new SafeFileHandle(Reports, ownsHandle: true), FileAccess.Write, bufferSize: 1);
        SupervisedProcess program;
        try
        {
            program = ProcessSpawner.Spawn(new ProcessSpec { FileName = file, Arguments = rest, InheritStandardStreams = true });
        }
        catch (ProcessStartException failed)
        {
            Tell(reports, new GuardLine.Failed(LeadExitCode.Of(failed), failed.Message));
            return LeadExitCode.Of(failed);
        }

        using (program)
        {
            Tell(reports, new GuardLine.Started(program.Pid));
            var inputs = Channel.CreateUnbounded<GuardLine?>(new UnboundedChannelOptions { SingleReader = true }); // null: the pipe is closed
            _ = Task.Factory.StartNew(() => Listen(orders, inputs.Writer), CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default);
            await GuardAsync(rules, ask, program, inputs.Reader, reports);
            var code = LeadExitCode.Of(await program.Exited);
            Tell(reports, new GuardLine.Ended(code));
            return code;
        }
    }

    private static async Task GuardAsync(GuardRules rules, Signal ask, SupervisedProcess program, ChannelReader<GuardLine?> orders, FileStream reports)
    {
        while (!program.Exited.IsCompleted)
        {
            var now = Instant.Now(BootTime.Provider);
            var action = rules.Look(now);
            while (orders.TryRead(out var order))
            {
                switch (order)
                {
                    case GuardLine.Until until:
                        rules.Renewed(until.Deadline);
                        Tell(reports, new GuardLine.Heard(rules.Deadline));
                        break;
                    default:
                        action = Strongest(action, rules.Stop(now));
                        break;
                }
            }

            if (action == GuardAction.Ask)
            {
                program.Signal(ask);
                program.Signal(Signal.Cont); // a stopped program would not hear
            }
            else if (action == GuardAction.Kill)
            {
                program.SignalGroup(Signal.Kill);
            }

            // Timers stand still while the machine sleeps and the lease does not, so no sleep is long.
            var left = rules.NextLook - Instant.Now(BootTime.Provider);
            var sleep = left > LeaseTimer.LongestSleep ? LeaseTimer.LongestSleep : left > TimeSpan.FromMilliseconds(1) ? left : TimeSpan.FromMilliseconds(1);
            using var due = new CancellationTokenSource(sleep);
            await Task.WhenAny(program.Exited, orders.WaitToReadAsync(due.Token).AsTask());
        }
    }

    private static GuardAction Strongest(GuardAction one, GuardAction other) => one > other ? one : other;

    /// <summary>On a thread of its own that blocks in the read: no pool, however exhausted, delays a deadline. Ends with a null when the elector is gone.</summary>
    private static void Listen(FileStream orders, ChannelWriter<GuardLine?> inputs)
    {
        try
        {
            using var reader = new StreamReader(orders);
            while (reader.ReadLine() is { } line)
                inputs.TryWrite(GuardLine.Parse(line));
        }
        catch (Exception e) when (e is IOException or FormatException or ObjectDisposedException)
        {
            // As good as closed: what cannot be understood does not renew.
        }

        inputs.TryWrite(null);
    }

    private static void Tell(FileStream reports, GuardLine line)
    {
        try
        {
            reports.Write(System.Text.Encoding.UTF8.GetBytes(line.Text() + "\n"));
            reports.Flush();
        }
        catch (IOException)
        {
            // The elector is gone; its pipe to us is closed too, and that ends the program.
        }
    }
}
