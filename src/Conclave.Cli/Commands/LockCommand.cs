using System.CommandLine;
using System.Globalization;
using Conclave.Cli.Lead;
using Conclave.Orchestration;
using Conclave.Orchestration.Model.Yaml;

namespace Conclave.Cli.Commands;

internal static class LockCommand
{
    public static Command Create(CommandContext context)
    {
        var words = new RunWords(RunKind.Lock, new Argument<string>("NAME") { Description = "The lock, such as nightly-report. The same for all who exclude each other." });
        var wait = new Option<string>("--wait", "-w") { Description = "Give up when the lock was not free within this time, such as 30, 500ms or 1m30s. Default: wait as long as it takes.", HelpName = "DURATION" };
        var noWait = new Option<bool>("--no-wait", "-n") { Description = "Give up at once when somebody holds it; the same as --wait 0." };
        var conflict = new Option<int>("--conflict-exit-code", "-E") { Description = "What to exit with when the lock was not free in time.", DefaultValueFactory = _ => LeadExitCode.TimedOut, HelpName = "N" };
        var command = new Command(
            "lock",
            """
            Run a program once, while holding a lock that all machines share: flock(1) across machines.

            Whoever waited longest is next, and the lock is free again as soon as the program has ended. As with
            'conclave lead', a second process, the guard, ends the program before the lock can go to another, also when this
            process is killed or stopped. Should the lock be lost while the program runs (the backend cannot be reached for
            longer than --ttl), the program is ended and not run again. CONCLAVE_TOKEN is the fencing token and
            CONCLAVE_LOST_AT says until when the lease ran at the start.

              conclave lock nightly-report --no-wait -- ./report --yesterday

            On etcd it is etcd's own lock: 'etcdctl lock NAME' and this exclude each other; on ZooKeeper kazoo's.

            Exit codes, as of timeout(1): the program's own, or 124 (not free in time), 125 (conclave failed, or the lock was
            lost), 126 (cannot be executed), 127 (not found), 128+N (ended by signal N).
            """)
        {
            wait, noWait, conflict,
        };
        words.AddTo(command);
        command.SetAction((result, stopping) => words.RunAsync(
            context,
            result,
            options => options with
            {
                OnExit = OnExit.Exit,
                Wait = result.GetValue(noWait) ? TimeSpan.Zero : result.GetValue(wait) is { } text ? DurationOf(text) : null,
                ConflictCode = result.GetValue(conflict),
            },
            stopping));
        return command;
    }

    private static TimeSpan DurationOf(string text)
    {
        if (Duration.TryParse(text, out var duration))
            return duration;
        return double.TryParse(text, NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out var seconds) && seconds <= TimeSpan.SecondsPerDay
            ? TimeSpan.FromSeconds(seconds)
            : throw new ConclaveException($"--wait '{text}' is no duration; write seconds, or such as 500ms, 30s, 1m30s, 2h, up to a day", ExitCode.Usage);
    }
}
