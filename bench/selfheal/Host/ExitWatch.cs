using System.Runtime.InteropServices;

namespace Conclave.Bench.SelfHeal.Host;

/// <summary>
/// A thread that does nothing but wait for the kernel to tell of the end of one process (pidfd_open(2)): the earliest that any supervisor can know of it on this machine, with the load
/// that it has. A killed process first gives its memory back, in its own time slices.
/// </summary>
internal sealed partial class ExitWatch
{
    private const long SysPidfdOpen = 434;
    private const short PollIn = 1;
    private readonly TaskCompletionSource<long> _told = new(TaskCreationOptions.RunContinuationsAsynchronously);

    private ExitWatch(int descriptor)
    {
        new Thread(() => Wait(descriptor)) { IsBackground = true, Name = "exit-watch" }.Start();
    }

    /// <summary>Watches from here on.</summary>
    public static ExitWatch Of(int pid)
    {
        var descriptor = (int)SystemCall(SysPidfdOpen, pid, 0);
        return descriptor >= 0 ? new ExitWatch(descriptor) : throw new InvalidOperationException($"pidfd_open({pid}): {Marshal.GetLastPInvokeErrorMessage()}");
    }

    /// <summary>When it told, on <see cref="Clock"/>.</summary>
    public Task<long> ToldNsAsync() => _told.Task.WaitAsync(TimeSpan.FromSeconds(10));

    private void Wait(int descriptor)
    {
        var asked = new PollFd { Descriptor = descriptor, Events = PollIn };
        while (Poll(ref asked, 1, -1) != 1)
            continue; // a signal came
        _told.SetResult(Clock.Ns);
        _ = Close(descriptor);
    }

    [LibraryImport("libc", EntryPoint = "syscall", SetLastError = true)]
    private static partial long SystemCall(long number, int pid, uint flags);

    [LibraryImport("libc", EntryPoint = "poll", SetLastError = true)]
    private static partial int Poll(ref PollFd descriptors, nuint count, int timeout);

    [LibraryImport("libc", EntryPoint = "close")]
    private static partial int Close(int descriptor);

    private struct PollFd
    {
        public int Descriptor;
        public short Events;
        public short Returned;
    }
}
