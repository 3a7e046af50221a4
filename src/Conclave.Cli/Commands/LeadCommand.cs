using System.Collections.Immutable;
using System.CommandLine;
using Conclave.Cli.Lead;
using Conclave.Etcd;
using Conclave.Orchestration;
using Conclave.Orchestration.Model;
using Conclave.Wire.Etcd;

namespace Conclave.Cli.Commands;

internal static class LeadCommand
{
    private const string DefaultEndpoint = "http://127.0.0.1:2379";

    /// <summary>For one answer at the start; a candidate that waits for its turn later waits out any silence.</summary>
    private static readonly TimeSpan ConnectPatience = TimeSpan.FromSeconds(10);

    public static Command Create(CommandContext context)
    {
        var election = new Argument<string>("ELECTION") { Description = "What the candidates compete for, such as billing/dialer." };
        var program = new Argument<string[]>("COMMAND") { Description = "The program and its arguments, after --.", Arity = ArgumentArity.ZeroOrMore };
        var endpoints = new Option<string>("--endpoints")
        {
            Description = $"Of etcd or 'conclave serve', with commas between. Default: ETCD_ENDPOINT, else {DefaultEndpoint}.",
            HelpName = "URL,...",
        };
        var backend = new Option<string>("--backend") { Description = "Where the election is held: etcd.", DefaultValueFactory = _ => "etcd", HelpName = "etcd" };
        var ttl = new Option<double>("--ttl") { Description = "Seconds after which a leader that died with its machine is replaced.", DefaultValueFactory = _ => 15, HelpName = "SECONDS" };
        var grace = new Option<double>("--grace") { Description = "Seconds that the program may take to end once it was asked to; then it is killed.", DefaultValueFactory = _ => 4, HelpName = "SECONDS" };
        var signal = new Option<string>("--signal", "-s") { Description = "What asks it to end.", DefaultValueFactory = _ => "TERM", HelpName = "SIGNAL" };
        var onExit = new Option<string>("--on-exit")
        {
            Description = "When the program ends by itself: hand-over (resign, stand again), restart (keep leading) or exit (with its code).",
            DefaultValueFactory = _ => "hand-over",
            HelpName = "hand-over|restart|exit",
        };
        var once = new Option<bool>("--once") { Description = "Run the program once to its end, then exit with its code; the same as --on-exit exit." };
        var value = new Option<string>("--value") { Description = "What is published with the leadership. Default: POD_NAME, else host name and process.", HelpName = "TEXT" };
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
            election, program, endpoints, backend, ttl, grace, signal, onExit, once, value,
        };
        command.SetAction((result, stopping) =>
        {
            if (result.GetValue(backend) is not "etcd" and var other)
                throw new ConclaveException($"--backend '{other}' is not known; write etcd, which also means 'conclave serve'", ExitCode.Usage);
            if (!Signal.TryParse(result.GetValue(signal), out var ask))
                throw new ConclaveException($"'{result.GetValue(signal)}' is not a signal; write one of {string.Join(", ", Signal.Names)}", ExitCode.Usage);
            var options = new LeadOptions
            {
                Election = result.GetValue(election)!,
                Command = [.. result.GetValue(program) ?? []],
                Endpoints = EndpointsOf(result.GetValue(endpoints)),
                Ttl = TimeSpan.FromSeconds(result.GetValue(ttl)),
                Grace = TimeSpan.FromSeconds(result.GetValue(grace)),
                Signal = ask,
                OnExit = result.GetValue(once) ? OnExit.Exit : OnExitOf(result.GetValue(onExit)!),
            };
            if (result.GetValue(value) is { } published)
                options = options with { Value = published };
            options.Validate();
            return RunAsync(context, options, stopping);
        });
        return command;
    }

    private static async Task<int> RunAsync(CommandContext context, LeadOptions options, CancellationToken stopping)
    {
        if (!OperatingSystem.IsLinux())
            throw new ConclaveException("'lead' needs Linux; the library works here");
        try
        {
            await using var client = new EtcdClient(new EtcdClientOptions { Endpoints = options.Endpoints, RequestTimeout = options.Ttl / 4 });
            await using var session = new EtcdSession(client, new EtcdSessionOptions { Lease = options.Lease });
            await using var election = new EtcdElection(session, options.Election, new EtcdElectionOptions { Value = options.Value });
            await RequireAnswerAsync(election, stopping);
            return await new Elector(election, options, line => context.Terminal.Error.WriteLine($"conclave: {line}")).RunAsync(stopping);
        }
        catch (ElectionException failed)
        {
            throw new ConclaveException($"{failed.Message.TrimEnd('.')} (--endpoints {string.Join(',', options.Endpoints)})", LeadExitCode.OwnFailure);
        }
        catch (ArgumentException wrong)
        {
            throw new ConclaveException(wrong.Message.Split('\n')[0], ExitCode.Usage);
        }
    }

    private static async Task RequireAnswerAsync(EtcdElection election, CancellationToken stopping)
    {
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(stopping);
        patience.CancelAfter(ConnectPatience);
        while (true)
        {
            try
            {
                await election.GetLeaderAsync(patience.Token);
                return;
            }
            catch (ElectionUnavailableException) when (!patience.IsCancellationRequested)
            {
                await Task.Delay(TimeSpan.FromMilliseconds(200), CancellationToken.None);
            }
            catch (OperationCanceledException) when (!stopping.IsCancellationRequested)
            {
                throw new ElectionUnavailableException($"no endpoint has answered within {ConnectPatience.TotalSeconds:0} s; check that the server runs and the address is right");
            }
        }
    }

    private static ImmutableArray<string> EndpointsOf(string? option)
    {
        var text = option ?? Environment.GetEnvironmentVariable("ETCD_ENDPOINT") ?? DefaultEndpoint;
        ImmutableArray<string> endpoints = [.. text.Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries)];
        return endpoints.IsEmpty ? throw new ConclaveException("--endpoints is empty; write it like http://127.0.0.1:2379", ExitCode.Usage) : endpoints;
    }

    private static OnExit OnExitOf(string text) => text switch
    {
        "hand-over" => OnExit.HandOver,
        "restart" => OnExit.Restart,
        "exit" => OnExit.Exit,
        _ => throw new ConclaveException($"--on-exit '{text}' is not known; write hand-over, restart or exit", ExitCode.Usage),
    };
}
