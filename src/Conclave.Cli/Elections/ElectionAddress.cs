using System.Collections.Immutable;
using System.CommandLine;
using Conclave.Orchestration;

namespace Conclave.Cli.Elections;

/// <summary>Which backend, and where: the one place that opens what a command line names.</summary>
internal sealed record ElectionAddress(ElectionBackend Backend, ImmutableArray<string> Endpoints)
{
    /// <summary>No endpoint answers, or the backend refuses: <c>timeout(1)</c>'s code for a failure of its own.</summary>
    public const int FailureExitCode = 125;

    /// <summary>For one answer at the start; a candidate that waits for its turn later waits out any silence.</summary>
    private static readonly TimeSpan ConnectPatience = TimeSpan.FromSeconds(10);

    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(200);

    /// <summary>Opens the backend for <paramref name="work"/> and closes it. What the backend refuses becomes one line that names the endpoints.</summary>
    /// <param name="ttl">Of the leases that candidates get here.</param>
    public async Task<T> UseAsync<T>(TimeSpan ttl, Func<IElections, Task<T>> work)
    {
        try
        {
            await using var elections = Backend.Open(Endpoints, ttl);
            return await work(elections);
        }
        catch (ElectionException failed)
        {
            throw new ConclaveException($"{Backend.InItsWords(failed.Message)} ({this})", FailureExitCode, failed);
        }
    }

    /// <summary>Asks until there is an answer, for a few seconds: whoever types an address that is wrong should learn so.</summary>
    /// <exception cref="ElectionUnavailableException">None came.</exception>
    public static async Task<T> AnsweredAsync<T>(Func<CancellationToken, Task<T>> ask, CancellationToken stopping)
    {
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(stopping);
        patience.CancelAfter(ConnectPatience);
        ElectionUnavailableException? last = null;
        try
        {
            while (true)
            {
                try
                {
                    return await ask(patience.Token);
                }
                catch (ElectionUnavailableException silent)
                {
                    last = silent;
                    await Task.Delay(Pause, patience.Token);
                }
            }
        }
        catch (OperationCanceledException) when (!stopping.IsCancellationRequested)
        {
            var why = last?.InnerException is { } cause and not OperationCanceledException ? $" ({cause.Message.TrimEnd('.')})" : "";
            throw new ElectionUnavailableException($"no endpoint has answered within {ConnectPatience.TotalSeconds:0} s{why}; check that the server runs and the address is right", last);
        }
    }

    /// <summary>As the option that would name it.</summary>
    public override string ToString() => $"--endpoints {string.Join(',', Endpoints)}";
}

/// <summary>The words that name a backend, the same in every command that needs one.</summary>
internal sealed class BackendWords
{
    private readonly Option<string> _backend = new("--backend")
    {
        Description = $"Where the election is held: {string.Join(", ", ElectionBackend.All.Select(backend => backend.Name))}.",
        DefaultValueFactory = _ => ElectionBackend.DefaultName,
        HelpName = string.Join('|', ElectionBackend.All.Select(backend => backend.Name)),
    };

    private readonly Option<string> _endpoints = new("--endpoints")
    {
        Description = "Where the backend is, with commas between. Default: " + string.Join("; ", ElectionBackend.All.Select(backend => $"{backend.EndpointVariable}, else {backend.EndpointDefault}")) + ".",
        HelpName = "ENDPOINT,...",
    };

    public void AddTo(Command command)
    {
        command.Options.Add(_endpoints);
        command.Options.Add(_backend);
    }

    /// <exception cref="ConclaveException">There is no such backend, or no endpoint.</exception>
    public ElectionAddress Read(ParseResult words)
    {
        var backend = ElectionBackend.Named(words.GetValue(_backend)!);
        var text = words.GetValue(_endpoints) ?? Environment.GetEnvironmentVariable(backend.EndpointVariable) ?? backend.EndpointDefault;
        ImmutableArray<string> endpoints = [.. text.Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries)];
        return endpoints.IsEmpty
            ? throw new ConclaveException($"--endpoints (or {backend.EndpointVariable}) is empty; write it like {backend.EndpointDefault}", ExitCode.Usage)
            : new ElectionAddress(backend, endpoints);
    }
}
