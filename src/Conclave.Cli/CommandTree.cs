using Conclave.Orchestration;

namespace Conclave.Cli;

/// <summary>From the words on the command line to an exit code.</summary>
internal static class CommandTree
{
    /// <summary>Runs one command. Never throws for what a person can act on: that is one line and an exit code.</summary>
    public static async Task<int> RunAsync(string[] arguments, IClusterCommands cluster, Terminal terminal)
    {
        try
        {
            using var stopping = new StopSignals();
            return arguments switch
            {
                // What `up` spawns is not parsed by the command library: eight of them start at once and each counts.
                ["node", .. var rest] => await cluster.NodeAsync(rest, stopping.Token),
                ["gateway", .. var rest] => await cluster.GatewayAsync(rest, stopping.Token),
                _ => throw new ConclaveException("no such command; see 'conclave --help'", ExitCode.Usage),
            };
        }
        catch (ConclaveException e)
        {
            terminal.Fail(e.Message);
            return e.ExitCode;
        }
    }
}
