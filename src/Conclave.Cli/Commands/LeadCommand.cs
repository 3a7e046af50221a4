using System.CommandLine;
using Conclave.Cli.Lead;
using Conclave.Orchestration;

namespace Conclave.Cli.Commands;

internal static class LeadCommand
{
    public static Command Create(CommandContext context)
    {
        var words = new RunWords(RunKind.Lead, new Argument<string>("ELECTION") { Description = "What the candidates compete for, such as billing/dialer." });
        var onExit = new Option<string>("--on-exit")
        {
            Description = "When the program ends by itself: hand-over (resign, stand again), restart (keep leading) or exit (with its code).",
            DefaultValueFactory = _ => "hand-over",
            HelpName = "hand-over|restart|exit",
        };
        var once = new Option<bool>("--once") { Description = "Run the program once to its end, then exit with its code; the same as --on-exit exit." };
        var command = new Command(
            "lead",
            """
            Run a program only while leading an election: on many machines, one at a time.

            The program is ended before the leadership is, also when this process is killed or stopped: a second process, the
            guard, owns it and knows the deadline. Should both be stopped at once, only the fencing token helps: pass on
            CONCLAVE_TOKEN, and have whatever the program acts upon refuse older ones. CONCLAVE_LOST_AT says until when the
            lease ran at the start. When the program ends, the leadership is handed on at once.

              conclave lead billing/dialer --endpoints http://10.0.0.1:2379 -- ./dialer --queue due

            Exit codes, as of timeout(1): the program's own, or 125 (conclave failed), 126 (cannot be executed), 127 (not
            found), 128+N (ended by signal N).
            """)
        {
            onExit, once,
        };
        words.AddTo(command);
        command.SetAction((result, stopping) => words.RunAsync(
            context,
            result,
            options => options with { OnExit = result.GetValue(once) ? OnExit.Exit : OnExitOf(result.GetValue(onExit)!) },
            stopping));
        return command;
    }

    private static OnExit OnExitOf(string text) => text switch
    {
        "hand-over" => OnExit.HandOver,
        "restart" => OnExit.Restart,
        "exit" => OnExit.Exit,
        _ => throw new ConclaveException($"--on-exit '{text}' is not known; write hand-over, restart or exit", ExitCode.Usage),
    };
}
