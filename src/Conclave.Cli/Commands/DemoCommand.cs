using System.CommandLine;
using Conclave.Cli.Demo;
using Conclave.Orchestration;
using Spectre.Console;

namespace Conclave.Cli.Commands;

internal static class DemoCommand
{
    public static Command Create(CommandContext context) => new("demo", "See what leader election is for, with real processes on this host.")
    {
        Dialer(context),
    };

    private static Command Dialer(CommandContext context)
    {
        var customers = new Option<int>("--customers") { Description = "How many are to be called, from 400.", DefaultValueFactory = _ => 10_000, HelpName = "N" };
        var without = new Option<string>("--without") { Description = "Switch off one of the API's defences and see what goes wrong: token or key.", HelpName = "token|key" };
        var directory = new Option<string>("--directory") { Description = "Work in this new directory and keep bills and logs. Default: a temporary one, kept when the demo fails.", HelpName = "DIR" };
        var json = new Option<bool>("--json") { Description = "The receipt as one JSON object; what happens goes to standard error." };
        var command = new Command(
            "dialer",
            """
            Five instances call the customers at nine, through a telephony API that bills each call.

            First without an election: each customer is called five times. Then with one: exactly once, while the leader is
            killed in mid-run, paused past its lease and woken, and cut off from the coordination server. The judge is the
            API's bill. samples/DoubleDialer has the code, and says what token and idempotency key each contribute.

            Everything runs on this host and on loopback; Ctrl-C ends all that it started. Ends with 0 only when with the
            election every customer has exactly one call on the bill, else with 1.
            """)
        {
            customers, without, directory, json,
        };
        command.SetAction((result, stopping) =>
        {
            var options = new DialerDemoOptions
            {
                Customers = result.GetValue(customers),
                Without = DefenceOf(result.GetValue(without)),
                Directory = result.GetValue(directory) is { } path ? Path.GetFullPath(Path.Combine(context.Terminal.WorkingDirectory, path)) : null,
            };
            options.Validate();
            return RunAsync(context, options, result.GetValue(json), stopping);
        });
        return command;
    }

    private static async Task<int> RunAsync(CommandContext context, DialerDemoOptions options, bool json, CancellationToken stopping)
    {
        if (!OperatingSystem.IsLinux())
            throw new ConclaveException("'demo' needs Linux; library, server and simulator work here");
        var receipt = context.Terminal.IsInteractive && !json
            ? await context.Terminal.Console.Live(new Text("")).StartAsync(live => new DialerDemo(options, new DemoPicture(live)).RunAsync(stopping))
            : await new DialerDemo(options, new DemoLines(json ? context.Terminal.Error : context.Terminal.Out)).RunAsync(stopping);
        await context.Terminal.Out.WriteAsync(json ? receipt.Json() + "\n" : "\n" + ReceiptText.Of(receipt));
        return receipt.Passed ? ExitCode.Ok : ExitCode.Failed;
    }

    private static MissingDefence DefenceOf(string? text) => text switch
    {
        null => MissingDefence.None,
        "token" => MissingDefence.Token,
        "key" => MissingDefence.Key,
        _ => throw new ConclaveException($"--without '{text}' is not known; write token or key", ExitCode.Usage),
    };
}
