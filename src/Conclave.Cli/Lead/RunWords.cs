using System.CommandLine;
using Conclave.Cli.Elections;
using Conclave.Orchestration;
using Conclave.Orchestration.Model;

namespace Conclave.Cli.Lead;

/// <summary>The words that <c>lead</c> and <c>lock</c> share, and the run that follows from them.</summary>
internal sealed class RunWords(RunKind kind, Argument<string> name)
{
    private readonly Argument<string[]> _program = new("COMMAND") { Description = "The program and its arguments, after --.", Arity = ArgumentArity.ZeroOrMore };
    private readonly BackendWords _backend = new();
    private readonly Option<double?> _ttl = new("--ttl")
    {
        Description = "Seconds after which a leader that died with its machine is replaced. Default: "
            + string.Join(", ", ElectionBackend.All.Select(backend => $"{backend.DefaultTtl.TotalSeconds:0} ({backend.Name})")) + ".",
        HelpName = "SECONDS",
    };

    private readonly Option<double> _grace = new("--grace") { Description = "Seconds that the program may take to end once it was asked to; then it is killed.", DefaultValueFactory = _ => 4, HelpName = "SECONDS" };
    private readonly Option<string> _signal = new("--signal", "-s") { Description = "What asks it to end.", DefaultValueFactory = _ => "TERM", HelpName = "SIGNAL" };
    private readonly Option<string> _value = new("--value") { Description = "What is published with the leadership. Default: POD_NAME, else host name and process.", HelpName = "TEXT" };
    private readonly Option<bool> _json = new("--json") { Description = "Tell what happens as JSON, one object per line on standard error: v, time, event, name and what belongs to the event." };

    public void AddTo(Command command)
    {
        command.Arguments.Add(name);
        command.Arguments.Add(_program);
        _backend.AddTo(command);
        foreach (var option in (Option[])[_ttl, _grace, _signal, _value, _json])
            command.Options.Add(option);
    }

    /// <param name="with">Adds what only this command takes.</param>
    public async Task<int> RunAsync(CommandContext context, ParseResult words, Func<LeadOptions, LeadOptions> with, CancellationToken stopping)
    {
        var json = words.GetValue(_json);
        var report = new LeadReport(context.Terminal.Error, context.Time, kind, words.GetValue(name)!, json);
        try
        {
            if (!OperatingSystem.IsLinux())
                throw new ConclaveException($"'{(kind == RunKind.Lead ? "lead" : "lock")}' needs Linux; the library works here");
            var options = with(Read(words));
            options.Validate();
            return await options.Address.UseAsync(options.Ttl, async elections =>
            {
                await using var election = elections.Candidate(options.Election, options.Value);
                await ElectionAddress.AnsweredAsync(election.GetLeaderAsync, stopping);
                return await new Elector(election, options, report.Tell).RunAsync(stopping);
            });
        }
        catch (ConclaveException failed) when (json)
        {
            report.Tell(new LeadEvent.Failed(failed.ExitCode, failed.Message));
            return failed.ExitCode;
        }
    }

    private LeadOptions Read(ParseResult words)
    {
        if (!Signal.TryParse(words.GetValue(_signal), out var ask))
            throw new ConclaveException($"'{words.GetValue(_signal)}' is not a signal; write one of {string.Join(", ", Signal.Names)}", ExitCode.Usage);
        var address = _backend.Read(words);
        var options = new LeadOptions
        {
            Kind = kind,
            Election = words.GetValue(name)!,
            Command = [.. words.GetValue(_program) ?? []],
            Address = address,
            Ttl = words.GetValue(_ttl) is { } ttl ? Seconds(ttl) : address.Backend.DefaultTtl,
            Grace = Seconds(words.GetValue(_grace)),
            Signal = ask,
        };
        return words.GetValue(_value) is { } published ? options with { Value = published } : options;
    }

    /// <summary>What no duration can hold is as wrong as what no option takes, and is said in the option's own words.</summary>
    private static TimeSpan Seconds(double number) => number is >= -1e9 and <= 1e9 ? TimeSpan.FromSeconds(number) : number > 0 ? TimeSpan.MaxValue / 2 : TimeSpan.FromSeconds(-1);
}
