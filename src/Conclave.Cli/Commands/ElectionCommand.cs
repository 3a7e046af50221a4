using System.Collections.Immutable;
using System.CommandLine;
using System.Text.Json;
using Conclave.Cli.Elections;
using Conclave.Orchestration;

namespace Conclave.Cli.Commands;

/// <summary>Looking at elections from outside, and asking a leader to go.</summary>
internal static class ElectionCommand
{
    public static Command Create(CommandContext context) => new(
        "election",
        """
        See who leads and who waits in the elections and locks of a backend, watch them, and ask a leader to go.

        Exit codes: 0 done, 1 nobody stands in that election or its leader has another token, 2 wrong command line,
        125 no endpoint answers or the backend refuses.
        """)
    {
        List(context),
        Show(context),
        Observe(context),
        Resign(context),
    };

    private static Command List(CommandContext context)
    {
        var words = new Words();
        var prefix = new Option<string>("--prefix") { Description = "Only elections whose name begins so.", DefaultValueFactory = _ => "", HelpName = "TEXT" };
        var command = new Command("list", "List the elections and locks in which somebody stands: name, leader, fencing token, number of candidates.") { prefix };
        words.AddTo(command, "One JSON object: v, backend, elections (name, leader, candidates).");
        command.SetAction((result, stopping) => words.UseAsync(result, async (address, elections) =>
        {
            var found = await ElectionAddress.AnsweredAsync(asking => elections.ListAsync(result.GetValue(prefix)!, asking), stopping);
            await context.Terminal.Out.WriteAsync(words.Json(result)
                ? Line(new ElectionListDocument(
                    ElectionJson.Version, address.Backend.Name, [.. found.Select(election => new FoundElectionDocument(election.Name, Document(election.Leader), election.Candidates))]))
                : ElectionText.List(found));
            return ExitCode.Ok;
        }));
        return command;

        static string Line(ElectionListDocument document) => JsonSerializer.Serialize(document, ElectionJson.Default.ElectionListDocument) + "\n";
    }

    private static Command Show(CommandContext context)
    {
        var words = new Words();
        var name = Name();
        var command = new Command("show", "Show who leads, with which token and how much of the lease is left, and who waits, in order.") { name };
        words.AddTo(command, "One JSON object: v, backend, name, leader, waiting.");
        command.SetAction((result, stopping) => words.UseAsync(result, async (address, elections) =>
        {
            var standing = await StandingAsync(elections, result.GetValue(name)!, address, stopping);
            var term = await ElectionAddress.AnsweredAsync(asking => elections.LeaseAsync(standing[0], asking), stopping);
            await context.Terminal.Out.WriteAsync(words.Json(result)
                ? Line(new ElectionDocument(
                    ElectionJson.Version, address.Backend.Name, result.GetValue(name)!, CandidateDocument.Of(standing[0], term),
                    address.Backend.KeepsALine ? [.. standing.Skip(1).Select(waiting => CandidateDocument.Of(waiting))] : null))
                : ElectionText.Show(result.GetValue(name)!, standing, term, address.Backend.KeepsALine));
            return ExitCode.Ok;
        }));
        return command;

        static string Line(ElectionDocument document) => JsonSerializer.Serialize(document, ElectionJson.Default.ElectionDocument) + "\n";
    }

    private static Command Observe(CommandContext context)
    {
        var words = new Words();
        var name = Name();
        var count = new Option<int?>("--count", "-n") { Description = "End after this many changes; 0: only say who leads now. Default: go on until Ctrl-C.", HelpName = "N" };
        var command = new Command(
            "observe",
            """
            Say who leads now, then every change as it happens, one per line, until Ctrl-C.

            No change is left out, also across lost connections; should the backend have forgotten some after a long one,
            the next line says that there is a gap.
            """)
        {
            name, count,
        };
        command.Validators.Add(result =>
        {
            if (result.GetValue(count) < 0)
                result.AddError("--count takes a number from 0");
        });
        words.AddTo(command, "One JSON object per line: v, time, name, leader (null: nobody), gap.");
        command.SetAction((result, stopping) => words.UseAsync(result, async (_, elections) =>
        {
            await using var election = elections.Candidate(result.GetValue(name)!, value: "");
            await ElectionAddress.AnsweredAsync(election.GetLeaderAsync, stopping);
            var left = 1L + (result.GetValue(count) ?? long.MaxValue - 1);
            try
            {
                await foreach (var (leader, gap) in ChangesAsync(election, stopping))
                {
                    var now = context.Time.GetUtcNow();
                    context.Line(words.Json(result)
                        ? JsonSerializer.Serialize(
                            new ObservedDocument(ElectionJson.Version, now, election.Name, leader is null ? null : new LeaderDocument(leader.Value, leader.FencingToken.Value), gap),
                            ElectionJson.Default.ObservedDocument)
                        : ElectionText.Observed(now, election.Name, leader, gap));
                    await context.Terminal.Out.FlushAsync(stopping);
                    if (--left == 0)
                        break;
                }
            }
            catch (OperationCanceledException) when (stopping.IsCancellationRequested)
            {
                // Ctrl-C is how one ends it.
            }

            return ExitCode.Ok;
        }));
        return command;
    }

    private static Command Resign(CommandContext context)
    {
        var words = new Words();
        var name = Name();
        var token = new Option<long?>("--token") { Description = "Only if it leads with this fencing token, so that a successor is never hit.", HelpName = "N" };
        var command = new Command(
            "resign",
            """
            End the present leadership: the leader's key is deleted and the next candidate leads at once.

            The former leader learns of it within a round trip; 'conclave lead' and 'conclave lock' kill their program then.
            It may still be at work in that moment, and only the fencing token keeps it out. A candidate of 'conclave lead'
            stands again, at the end of the line; the program of 'conclave lock' is not run again.
            """)
        {
            name, token,
        };
        words.AddTo(command, "One JSON object: v, name, leader (who led), removed (false: it had gone by itself).");
        command.SetAction((result, stopping) => words.UseAsync(result, async (address, elections) =>
        {
            var election = result.GetValue(name)!;
            var leader = (await StandingAsync(elections, election, address, stopping))[0];
            if (result.GetValue(token) is { } meant && leader.FencingToken.Value != meant)
                throw new ConclaveException($"'{election}' is led with token {leader.FencingToken} and not {meant}, so nothing was done; 'conclave election show {election}' tells by whom");
            var removed = await elections.RemoveAsync(election, leader, stopping);
            context.Line(words.Json(result)
                ? JsonSerializer.Serialize(new ResignedDocument(ElectionJson.Version, election, Document(leader), removed), ElectionJson.Default.ResignedDocument)
                : ElectionText.Resigned(election, leader, removed));
            return ExitCode.Ok;
        }));
        return command;
    }

    private static Argument<string> Name() => new("ELECTION") { Description = "Its name, such as billing/dialer." };

    private static LeaderDocument Document(StandingCandidate leader) => new(leader.Value, leader.FencingToken.Value);

    private static async Task<ImmutableArray<StandingCandidate>> StandingAsync(IElections elections, string name, ElectionAddress address, CancellationToken stopping)
    {
        await using var candidate = elections.Candidate(name, value: ""); // says what is wrong with a name
        var standing = await ElectionAddress.AnsweredAsync(asking => elections.StandingAsync(name, asking), stopping);
        return standing.IsEmpty
            ? throw new ConclaveException($"nobody stands in '{name}' ({address}); 'conclave election list' tells which elections there are")
            : standing;
    }

    /// <summary>Begins afresh after changes that the backend has forgotten.</summary>
    private static async IAsyncEnumerable<(Leader? Leader, bool Gap)> ChangesAsync(
        ILeaderElection election, [System.Runtime.CompilerServices.EnumeratorCancellation] CancellationToken stopping)
    {
        for (var gap = false; ; gap = true)
        {
            var changes = election.ObserveAsync(stopping).GetAsyncEnumerator(stopping);
            await using (changes)
            {
                for (var first = true; await NextAsync(changes); first = false)
                    yield return (changes.Current, gap && first);
            }
        }

        static async Task<bool> NextAsync(IAsyncEnumerator<Leader?> changes)
        {
            try
            {
                return await changes.MoveNextAsync();
            }
            catch (ElectionHistoryLostException)
            {
                return false;
            }
        }
    }

    /// <summary>What all of them take.</summary>
    private sealed class Words
    {
        private readonly BackendWords _backend = new();
        private readonly Option<bool> _json = new("--json");

        public void AddTo(Command command, string json)
        {
            _json.Description = json;
            command.Options.Add(_json);
            _backend.AddTo(command);
        }

        public bool Json(ParseResult result) => result.GetValue(_json);

        public Task<int> UseAsync(ParseResult result, Func<ElectionAddress, IElections, Task<int>> work)
        {
            var address = _backend.Read(result);
            return address.UseAsync(address.Backend.DefaultTtl, elections => work(address, elections));
        }
    }
}
