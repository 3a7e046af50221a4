using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace Conclave.Orchestration.Processes;

/// <summary>
/// One thread that waits for the end of every watched process or thread. A pidfd becomes readable when the last thread of its process has ended, or the one that it is for, also for
/// processes that are not our children; nothing is polled on a timer. Thread-safe.
/// </summary>
internal sealed unsafe class PidfdWatcher
{
    private readonly Lock _gate = new();
    private readonly Dictionary<long, Watch> _watches = [];
    private readonly int _wakeUp;
    private long _lastToken;

    private PidfdWatcher()
    {
        // Both live as long as the process.
        _wakeUp = Libc.EventFd(0, Libc.EFD_CLOEXEC | Libc.EFD_NONBLOCK);
        if (_wakeUp < 0)
            throw new InvalidOperationException("eventfd: " + Libc.ErrorText(Marshal.GetLastPInvokeError()));
        new Thread(Run) { IsBackground = true, Name = "conclave-pidfd" }.Start();
    }

    public static PidfdWatcher Shared { get; } = new();

    /// <summary>Calls <paramref name="ended"/> once, on the watcher's thread, when the process or thread ends. It must not block.</summary>
    public long Add(SafeFileHandle pidfd, Action ended)
    {
        long token;
        lock (_gate)
        {
            token = ++_lastToken;
            _watches.Add(token, new Watch((int)pidfd.DangerousGetHandle(), ended));
        }

        WakeUp();
        return token;
    }

    /// <summary>Forgets a watch; <c>ended</c> will not be called any more unless it is being called now.</summary>
    public void Remove(long token)
    {
        lock (_gate)
        {
            if (!_watches.Remove(token))
                return;
        }

        WakeUp();
    }

    private void WakeUp()
    {
        ulong one = 1;
        _ = Libc.Write(_wakeUp, &one, sizeof(ulong));
    }

    private void Run()
    {
        while (true)
        {
            var (tokens, polled) = Snapshot();
            fixed (Libc.PollFd* first = polled)
            {
                var ready = Libc.Poll(first, (nuint)polled.Length, -1);
                if (ready < 0 && Marshal.GetLastPInvokeError() != Libc.EINTR)
                    throw new InvalidOperationException("poll on pidfds: " + Libc.ErrorText(Marshal.GetLastPInvokeError()));
                if (ready <= 0)
                    continue;
            }

            if (polled[0].ReturnedEvents != 0)
            {
                ulong count;
                _ = Libc.Read(_wakeUp, &count, sizeof(ulong));
            }

            for (var i = 0; i < tokens.Length; i++)
            {
                if (polled[i + 1].ReturnedEvents != 0)
                    Complete(tokens[i]);
            }
        }
    }

    private (long[] Tokens, Libc.PollFd[] Polled) Snapshot()
    {
        lock (_gate)
        {
            var tokens = new long[_watches.Count];
            var polled = new Libc.PollFd[_watches.Count + 1];
            polled[0] = new Libc.PollFd { Descriptor = _wakeUp, Events = Libc.POLLIN };
            var i = 0;
            foreach (var (token, watch) in _watches)
            {
                tokens[i++] = token;
                polled[i] = new Libc.PollFd { Descriptor = watch.Descriptor, Events = Libc.POLLIN };
            }

            return (tokens, polled);
        }
    }

    /// <summary>
    /// A watch that was removed meanwhile is not called: its descriptor may have been closed and its number taken by another file, whose
    /// readiness says nothing.
    /// </summary>
    private void Complete(long token)
    {
        Watch watch;
        lock (_gate)
        {
            if (!_watches.Remove(token, out watch))
                return;
        }

        watch.Ended();
    }

    private readonly record struct Watch(int Descriptor, Action Ended);
}
