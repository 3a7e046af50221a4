using System.CommandLine;
using System.CommandLine.Help;
using System.CommandLine.Parsing;
using Conclave.Cli.Commands;
using Conclave.Cli.Lead;
using Conclave.Orchestration;
using Conclave.Orchestration.Model;
using Conclave.Orchestration.Model.Yaml;

namespace Conclave.Cli;

/// <summary>What every command gets.</summary>
internal sealed record CommandContext(IClusterCommands Cluster, Terminal Terminal, TimeProvider Time)
{
    public void Line(string text = "") => Terminal.Out.WriteLine(text);
}

/// <summary>From the words on the command line to an exit code.</summary>
internal static class CommandTree
{
    /// <summary>Runs one command. Never throws for what a person can act on: that is one line and an exit code.</summary>
    public static async Task<int> RunAsync(string[] arguments, IClusterCommands cluster, Terminal terminal, TimeProvider? time = null)
    {
        try
        {
            using var stopping = new StopSignals();
            return arguments switch
            {
                // What `up` spawns is not parsed by the command library: several of them start at once and each counts.
                ["node", .. var rest] => await cluster.NodeAsync(rest, stopping.Token),
                ["gateway", .. var rest] => await cluster.GatewayAsync(rest, stopping.Token),
                ["guard", .. var rest] => await GuardProgram.RunAsync(rest),
                _ => await ParsedAsync(arguments, new CommandContext(cluster, terminal, time ?? TimeProvider.System), stopping.Token),
            };
        }
        catch (ClusterFileException e)
        {
            // Each line names the file itself.
            await terminal.Error.WriteLineAsync(e.Message);
            return e.ExitCode;
        }
        catch (ConclaveException e)
        {
            terminal.Fail(e.Message);
            return e.ExitCode;
        }
        catch (OperationCanceledException)
        {
            return ExitCode.Failed;
        }
        catch (IOException e) when (e.Message.Contains("Broken pipe", StringComparison.Ordinal))
        {
            // The reader of our output, such as `head`, has seen enough.
            return ExitCode.Ok;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            terminal.Fail($"{e.Message.TrimEnd('.')}; check permissions and free space");
            return ExitCode.Failed;
        }
    }

    /// <summary>The whole tree, in the order in which a person meets it.</summary>
    public static Command Create(CommandContext context) => new(
        "conclave", // a RootCommand would name the assembly in every usage line
        """
        Keeps HTTP services alive with nobody watching: a gateway spreads requests, workers restart what fails,
        a leader replaces workers, and when the leader fails the workers elect another.

          conclave up          run ./conclave.yaml, or the sample when there is none
          conclave status      one sentence on how it is, then the details
          conclave kill web/2  see it heal; also node-2, leader, gateway/1

        Exit codes: 0 ok, 1 failed, 2 usage or YAML, 3 not running, 4 degraded.
        """)
    {
        new HelpOption(),
        new VersionOption(),
        UpCommand.Create(context),
        DownCommand.Create(context),
        StatusCommand.Create(context),
        PsCommand.Create(context),
        LogsCommand.Create(context),
        EventsCommand.Create(context),
        ScaleCommand.Create(context),
        LifecycleCommands.Restart(context),
        LifecycleCommands.Stop(context),
        LifecycleCommands.Start(context),
        KillCommand.Create(context),
        InitCommand.Create(context),
        ServeCommand.Create(context),
        LeadCommand.Create(context),
        LockCommand.Create(context),
        ElectionCommand.Create(context),
        DemoCommand.Create(context),
    };

    private static async Task<int> ParsedAsync(string[] arguments, CommandContext context, CancellationToken stopping)
    {
        var root = Create(context);
        foreach (var command in root.Subcommands.Where(command => command.Name != arguments.FirstOrDefault()))
            command.Description = command.Description?.Split("\n\n")[0]; // the list of commands has a line for each, its own help has all
        var result = root.Parse(arguments is ["serve", .. var flags] ? ["serve", .. ServeFlags.WithTwoDashes(flags)] : arguments);
        if (result.Errors.Count > 0)
            throw new ConclaveException(Explain(root, result), ExitCode.Usage);
        return await result.InvokeAsync(
            new InvocationConfiguration
            {
                EnableDefaultExceptionHandler = false,
                ProcessTerminationTimeout = null,
                Output = context.Terminal.Out,
                Error = context.Terminal.Error,
            },
            stopping);
    }

    private static string Explain(Command root, ParseResult result)
    {
        var command = result.CommandResult.Command;
        var help = $"{PathOf(result.CommandResult)} --help";
        if (result.UnmatchedTokens is [var unknown, ..])
        {
            var known = unknown.StartsWith('-')
                ? command.Options.SelectMany(option => option.Aliases.Prepend(option.Name))
                : command.Subcommands.Select(sub => sub.Name);
            var what = unknown.StartsWith('-') || command != root ? $"'{unknown}' is not understood here" : $"there is no command '{unknown}'";
            return Spelling.Nearest(unknown, known) is { } near ? $"{what}; did you mean '{near}'?" : $"{what}; see '{help}'";
        }

        return $"{result.Errors[0].Message.TrimEnd('.')}; see '{help}'";
    }

    /// <summary>As a person types it: <c>conclave election show</c>.</summary>
    private static string PathOf(CommandResult command) => command.Parent is CommandResult parent ? $"{PathOf(parent)} {command.Command.Name}" : command.Command.Name;
}
