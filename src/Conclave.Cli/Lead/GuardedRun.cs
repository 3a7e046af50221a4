using System.Globalization;
using System.IO.Pipes;
using System.Threading.Channels;
using Conclave.Orchestration.Processes;

namespace Conclave.Cli.Lead;

/// <summary>What came of one run of the program. A closed set.</summary>
internal abstract record RunOutcome
{
    private RunOutcome()
    {
    }

    /// <summary>It ended by itself, or because it was asked on a person's request.</summary>
    public sealed record Ended(int Code) : RunOutcome;

    /// <summary>It could not be started.</summary>
    public sealed record NotStarted(int Code, string Why) : RunOutcome;

    /// <summary>It was ended with the leadership, or because its guard failed. Nothing of it runs any more.</summary>
    public sealed record BrokenOff(string Why) : RunOutcome;
}

/// <summary>
/// One run of the program under one leadership, seen from the elector: starts the guard, hands it every new deadline, and ends program and guard itself when the guard is gone or has stalled.
/// </summary>
internal sealed class GuardedRun : IDisposable
{
    private const string RunVariable = "CONCLAVE_RUN";

    /// <summary>How often the guard is told, and has to answer.</summary>
    private static readonly TimeSpan Pulse = TimeSpan.FromMilliseconds(250);

    private readonly Leadership _leadership;
    private readonly LeadOptions _options;
    private readonly Action<LeadEvent> _tell;
    private readonly string _run = Guid.NewGuid().ToString("N");
    private readonly AnonymousPipeServerStream _orders = new(PipeDirection.Out, HandleInheritability.None);
    private readonly AnonymousPipeServerStream _reports = new(PipeDirection.In, HandleInheritability.None);
    private readonly Channel<GuardLine?> _heard = Channel.CreateUnbounded<GuardLine?>(new UnboundedChannelOptions { SingleReader = true }); // null: the guard is gone
    private readonly SupervisedProcess _guard;
    private ProcessIdentity? _program;
    private RunOutcome? _outcome;
    private Instant _answered;
    private bool _stopSent;

    private GuardedRun(Leadership leadership, LeadOptions options, Action<LeadEvent> tell)
    {
        _leadership = leadership;
        _options = options;
        _tell = tell;
        _answered = Now;
        var deadline = leadership.EndsAt ?? throw new InvalidOperationException("This backend has no lease, so no deadline to guard.");
        _guard = ProcessSpawner.Spawn(new ProcessSpec
        {
            FileName = ThisProgram.File,
            Arguments =
            [
                .. ThisProgram.Prefix,
                "guard",
                ((long)options.Grace.TotalMilliseconds).ToString(CultureInfo.InvariantCulture),
                options.Signal.Name,
                deadline.SinceZero.Ticks.ToString(CultureInfo.InvariantCulture),
                .. options.Command,
            ],
            InheritStandardStreams = true,
            InheritedDescriptors =
            [
                new((int)_orders.ClientSafePipeHandle.DangerousGetHandle(), GuardProgram.Orders),
                new((int)_reports.ClientSafePipeHandle.DangerousGetHandle(), GuardProgram.Reports),
            ],
            Environment = new Dictionary<string, string?>(StringComparer.Ordinal)
            {
                ["CONCLAVE_ELECTION"] = leadership.Election,
                ["CONCLAVE_TOKEN"] = leadership.FencingToken.ToString(),
                ["CONCLAVE_LOST_AT"] = (DateTimeOffset.UtcNow + (deadline - Now)).ToString("O", CultureInfo.InvariantCulture),
                [RunVariable] = _run,
            },
        });
        _orders.DisposeLocalCopyOfClientHandle();
        _reports.DisposeLocalCopyOfClientHandle();
    }

    private static Instant Now => Instant.Now(BootTime.Provider);

    /// <summary>The guard has a quarter of a TTL to answer, and at most two seconds.</summary>
    private TimeSpan Patience => _options.Ttl / 4 < TimeSpan.FromSeconds(2) ? _options.Ttl / 4 : TimeSpan.FromSeconds(2);

    /// <summary>Runs the program until it has ended, for whatever reason. When this returns, neither program nor guard runs any more.</summary>
    /// <exception cref="ProcessStartException">The guard could not be started.</exception>
    public static async Task<RunOutcome> RunAsync(Leadership leadership, LeadOptions options, Action<LeadEvent> tell, CancellationToken stopping)
    {
        using var run = new GuardedRun(leadership, options, tell);
        _ = Task.Factory.StartNew(run.Listen, CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default);
        return await run.SuperviseAsync(stopping);
    }

    public void Dispose()
    {
        _orders.Dispose();
        _reports.Dispose();
        _guard.Dispose();
    }

    private async Task<RunOutcome> SuperviseAsync(CancellationToken stopping)
    {
        while (true)
        {
            while (_heard.Reader.TryRead(out var line))
                Take(line);
            if (_outcome is not null)
                return await EndAsync(_outcome);
            if (Now - _answered > Patience)
                return await EndAsync(new RunOutcome.BrokenOff("the guard has stalled"));

            // Somebody else may lead from now on: there is no grace left to give. Most often the guard, which knows the deadline, has ended it by now; not so
            // when the leadership ended before its lease, because an operator or the backend took it away.
            if (!_leadership.IsHeld)
                return await EndAsync(new RunOutcome.BrokenOff(WhyLost()));

            if (stopping.IsCancellationRequested)
                SendStop();
            else
                Send(new GuardLine.Until(_leadership.EndsAt!.Value));

            using var pulse = new CancellationTokenSource(Pulse);
            using var wake = CancellationTokenSource.CreateLinkedTokenSource(pulse.Token, _stopSent ? CancellationToken.None : stopping, _leadership.Lost);
            try
            {
                await _heard.Reader.WaitToReadAsync(wake.Token);
            }
            catch (OperationCanceledException)
            {
                // Time to tell the guard again, or to stop.
            }
        }
    }

    private void Take(GuardLine? line)
    {
        _answered = Now;
        switch (line)
        {
            case GuardLine.Heard:
                break;
            case GuardLine.Started started:
                _program = ProcessIdentity.Of(started.Pid);
                _tell(new LeadEvent.Started(started.Pid));
                break;
            case GuardLine.Failed failed:
                _outcome ??= new RunOutcome.NotStarted(failed.Code, failed.Why);
                break;
            case GuardLine.Ended ended:
                _outcome ??= _leadership.IsHeld
                    ? new RunOutcome.Ended(ended.Code)
                    : new RunOutcome.BrokenOff(WhyLost());
                break;
            case null:
                _outcome ??= new RunOutcome.BrokenOff("the guard has died");
                break;
            default:
                throw new System.Diagnostics.UnreachableException();
        }
    }

    /// <summary>
    /// Whatever is still there is killed. The program before its guard: were we killed between the two, nobody would be left to end it. Then what else carries the environment of this run: what the
    /// guard started without having told us, what the program started outside of its group.
    /// </summary>
    private async Task<RunOutcome> EndAsync(RunOutcome outcome)
    {
        if (outcome is RunOutcome.BrokenOff && _program is { } program)
            await KillAsync(program);
        await _guard.KillAsync(CancellationToken.None);
        if (outcome is RunOutcome.BrokenOff)
        {
            var left = ProcessTable.FindByEnvironment(new Dictionary<string, string>(StringComparer.Ordinal) { [RunVariable] = _run });
            foreach (var found in left.OrderByDescending(p => p.LeadsSession))
                await KillAsync(found.Identity);
        }

        return outcome;
    }

    private static async Task KillAsync(ProcessIdentity identity)
    {
        using var process = SupervisedProcess.Adopt(identity);
        if (process is not null)
            await process.KillAsync(CancellationToken.None);
    }

    private string WhyLost() => _leadership.LossReason switch
    {
        LossReason.Removed => "the leadership was taken away: its key is gone, as after 'conclave election resign'",
        LossReason.LeaseRefused => "the leadership was lost: the backend has ended its lease",
        LossReason.SteppedDown => "the leadership was lost: another was elected",
        _ => "the leadership was lost: its lease was not renewed in time",
    };

    private void SendStop()
    {
        if (!_stopSent)
            Send(new GuardLine.Stop());
        _stopSent = true;
        Send(new GuardLine.Until(_leadership.EndsAt!.Value)); // is answered, and changes nothing any more
    }

    private void Send(GuardLine line)
    {
        try
        {
            _orders.Write(System.Text.Encoding.UTF8.GetBytes(line.Text() + "\n"));
        }
        catch (IOException)
        {
            // The guard is gone; its reports end, and that is how we hear of it.
        }
    }

    private void Listen()
    {
        try
        {
            using var reader = new StreamReader(_reports);
            while (reader.ReadLine() is { } line)
                _heard.Writer.TryWrite(GuardLine.Parse(line));
        }
        catch (Exception e) when (e is IOException or FormatException or ObjectDisposedException)
        {
            // As good as gone.
        }

        _heard.Writer.TryWrite(null);
    }
}
