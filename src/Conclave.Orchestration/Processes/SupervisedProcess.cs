using System.Runtime.InteropServices;
using Conclave.Orchestration.Model;
using Microsoft.Win32.SafeHandles;

namespace Conclave.Orchestration.Processes;

/// <summary>
/// A process that we started or adopted, held by a pidfd so that a reused number is never signalled or mistaken for it. Disposing lets go of it
/// and leaves it running. Thread-safe.
/// </summary>
/// <remarks>
/// When the process ends, whatever is left of its own process group is killed before the end is reported: workers of a killed
/// master would otherwise keep the port that the restarted master needs. Processes that started a session of their own are not touched.
/// </remarks>
public sealed class SupervisedProcess : IDisposable
{
    private readonly Lock _gate = new();
    private readonly TaskCompletionSource _ending = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly TaskCompletionSource<ProcessExit> _exited = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly SafeFileHandle _pidfd;
    private readonly bool _leadsGroup;
    private readonly long _watch;
    private readonly EndingWatch _endingWatch;
    private bool _ended;
    private bool _letGo;

    private SupervisedProcess(ProcessIdentity identity, SafeFileHandle pidfd, bool leadsGroup, bool adopted)
    {
        Identity = identity;
        IsAdopted = adopted;
        _pidfd = pidfd;
        _leadsGroup = leadsGroup;
        _endingWatch = new EndingWatch(identity, () => _ending.TrySetResult());
        _watch = PidfdWatcher.Shared.Add(pidfd, OnEnded);
    }

    /// <summary>Which process this is; goes into the instance's record.</summary>
    public ProcessIdentity Identity { get; }

    /// <summary>Its number; use <see cref="Identity"/> to remember it.</summary>
    public int Pid => Identity.Pid;

    /// <summary>True when somebody else started it; its exit will be <see cref="ProcessExit.Unknown"/> unless it became our child.</summary>
    public bool IsAdopted { get; }

    /// <summary>Completes within milliseconds of its end, told by the kernel. Never faults, and is never cancelled.</summary>
#pragma warning disable VSTHRD003 // Completed by the watcher's thread with asynchronous continuations; nothing in it waits for the caller.
    public Task<ProcessExit> Exited => _exited.Task;

    /// <summary>
    /// Completes when the kernel has begun to end the process: none of its code runs any more, while its memory, ports and files are still being given back. Best effort (<see cref="WatchEnding"/>): it may not
    /// complete before <see cref="Exited"/>, or at all.
    /// </summary>
    public Task Ending => _ending.Task;
#pragma warning restore VSTHRD003

    /// <summary>True when a signal (SIGSTOP) holds it: alive, answering nothing.</summary>
    public bool IsStopped => Identity.IsStopped();

    /// <summary>Takes charge of a process that another process started. Null when exactly that process no longer runs.</summary>
    public static SupervisedProcess? Adopt(ProcessIdentity identity)
    {
        Platform.Require();
        var descriptor = identity.Pid > 0 ? Libc.PidfdOpen(identity.Pid) : -1;
        if (descriptor < 0)
            return null;

        // Compared after opening: from here on the descriptor cannot change whom it means.
        var pidfd = new SafeFileHandle(descriptor, ownsHandle: true);
        if (identity.Find() is not { HasEnded: false } stat)
        {
            pidfd.Dispose();
            return null;
        }

        if (stat.ParentPid == Environment.ProcessId)
            OwnChildren.Add(identity.Pid);
        return new SupervisedProcess(identity, pidfd, stat.Group == identity.Pid, adopted: true);
    }

    /// <summary>For a child of ours that nobody has waited for, so its number cannot have been reused.</summary>
    internal static SupervisedProcess OfChild(int pid)
    {
        var descriptor = Libc.PidfdOpen(pid);
        var error = Marshal.GetLastPInvokeError();
        if (descriptor < 0 || ProcessStat.Read(pid) is not { } stat || ProcessIdentity.Of(pid) is not { } identity)
        {
            // Only without descriptors or without /proc. A process that nobody holds must not be left behind.
            _ = Libc.Kill(pid, Model.Signal.Kill.Number);
            throw new ProcessStartException(ProcessStartFailure.NoResources, $"cannot watch the new process: {Libc.ErrorText(error)}; raise the limit of open files (ulimit -n)");
        }

        return new SupervisedProcess(identity, new SafeFileHandle(descriptor, ownsHandle: true), stat.Group == pid, adopted: false);
    }

    /// <summary>Has <see cref="Ending"/> told, if the process has more than one thread by now and the kernel is Linux 6.9 or newer. Again is harmless.</summary>
    public void WatchEnding() => _endingWatch.Begin();

    /// <summary>Sends a signal to the process alone. False when it has already ended.</summary>
    /// <exception cref="UnauthorizedAccessException">It belongs to another user.</exception>
    public bool Signal(Signal signal)
    {
        lock (_gate)
        {
            if (_ended)
                return false;
            return Sent(Libc.PidfdSendSignal((int)_pidfd.DangerousGetHandle(), signal.Number), signal);
        }
    }

    /// <summary>Sends a signal to the process and to all it started in its group. False when it has already ended.</summary>
    /// <exception cref="UnauthorizedAccessException">It belongs to another user.</exception>
    public bool SignalGroup(Signal signal)
    {
        if (!_leadsGroup)
            return Signal(signal);

        lock (_gate)
        {
            // Under the gate a child of ours is not collected yet, and one that we adopted is looked up: the number still means our group.
            if (_ended || (IsAdopted && Identity.Find() is null))
                return false;
            return Sent(Libc.Kill(-Pid, signal.Number), signal);
        }
    }

    /// <summary>
    /// Asks the process to end (<paramref name="signal"/>, then SIGCONT, for a stopped process would not hear), kills its group when it still
    /// runs after <paramref name="grace"/>, and returns when it was seen dead.
    /// </summary>
    /// <param name="signal">Sent to the process alone; what it started is killed with its end.</param>
    /// <param name="grace">Zero kills at once.</param>
    /// <param name="stopping">Gives up waiting; sends nothing more.</param>
    public async Task<ProcessExit> StopAsync(Signal signal, TimeSpan grace, CancellationToken stopping)
    {
        if (grace > TimeSpan.Zero && Signal(signal))
        {
            Signal(Model.Signal.Cont);
            try
            {
                return await Exited.WaitAsync(grace, stopping);
            }
            catch (TimeoutException)
            {
                // It had its time.
            }
        }

        return await KillAsync(stopping);
    }

    /// <summary>SIGKILL to the group, also of a stopped process; returns when it was seen dead.</summary>
    public Task<ProcessExit> KillAsync(CancellationToken stopping)
    {
        SignalGroup(Model.Signal.Kill);
        return Exited.WaitAsync(stopping);
    }

    /// <summary>
    /// Lets go of the process, which goes on running with all it started. <see cref="Exited"/> then need not complete. A child of ours is still
    /// collected when it ends, so that it does not stay a zombie.
    /// </summary>
    public void Dispose()
    {
        lock (_gate)
        {
            if (_ended)
                return;
            _letGo = true;
            if (!IsAdopted)
                return;
            _ended = true;
            _endingWatch.Dispose();
            PidfdWatcher.Shared.Remove(_watch);
            OwnChildren.Remove(Pid);
            _pidfd.Dispose();
        }
    }

    /// <summary>On the watcher's thread; nothing here waits.</summary>
    private void OnEnded()
    {
        ProcessExit exit;
        lock (_gate)
        {
            if (_ended)
                return;
            _ended = true;
            _endingWatch.Dispose();
            if (!_letGo)
                KillRestOfGroup();
            exit = Collect();
            OwnChildren.Remove(Pid);
            _pidfd.Dispose();
        }

        _exited.TrySetResult(exit);
    }

    /// <summary>
    /// The kernel does not reuse a number while a group has it, and a child of ours is a zombie until <see cref="Collect"/>. An adopted process may already
    /// have been collected by init; then the number is ours only if no new process has taken it.
    /// </summary>
    private void KillRestOfGroup()
    {
        if (!_leadsGroup)
            return;
        var stranger = ProcessStat.Read(Pid) is { } stat && stat.StartTime != Identity.StartTime;
        if (!stranger)
            _ = Libc.Kill(-Pid, Model.Signal.Kill.Number);
    }

    private unsafe ProcessExit Collect()
    {
        Libc.SigInfo status = default;
        int result;
        do
        {
            result = Libc.WaitId(Libc.P_PID, Pid, &status, Libc.WEXITED | Libc.WNOHANG);
        }
        while (result < 0 && Marshal.GetLastPInvokeError() == Libc.EINTR);

        // ECHILD: not our child, or SIGCHLD is ignored in this process and the kernel kept nothing.
        if (result < 0 || status.Pid != Pid)
            return new ProcessExit.Unknown();
        return status.Code == Libc.CLD_EXITED ? new ProcessExit.Code(status.Status) : new ProcessExit.Signal(status.Status);
    }

    private bool Sent(int result, Signal signal)
    {
        if (result == 0)
            return true;
        return Marshal.GetLastPInvokeError() switch
        {
            Libc.ESRCH => false,
            Libc.EPERM => throw new UnauthorizedAccessException($"no permission to send {signal} to {Identity}; it belongs to another user"),
            var error => throw new InvalidOperationException($"cannot send {signal} to {Identity}: {Libc.ErrorText(error)}"),
        };
    }
}
