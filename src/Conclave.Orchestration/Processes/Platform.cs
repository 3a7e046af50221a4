using System.Runtime.InteropServices;

namespace Conclave.Orchestration.Processes;

/// <summary>What the host must offer before any process is started.</summary>
public static class Platform
{
    private static readonly Lazy<string?> Missing = new(FindMissing);

    /// <summary>Throws one clear line when this host cannot run `conclave up`; checked once per process, cheap afterwards.</summary>
    /// <exception cref="PlatformNotSupportedException">Not Linux, or a kernel older than 5.4.</exception>
    public static void Require()
    {
        if (Missing.Value is { } missing)
            throw new PlatformNotSupportedException(missing);
    }

    private static string? FindMissing()
    {
        if (!OperatingSystem.IsLinux())
            return "conclave up needs Linux; the library, the server and the lab also run here";
        if (RuntimeInformation.ProcessArchitecture is not (Architecture.X64 or Architecture.Arm64))
            return $"conclave up needs x86-64 or arm64, this is {RuntimeInformation.ProcessArchitecture}";

        var pidfd = Libc.PidfdOpen(Environment.ProcessId);
        if (pidfd < 0)
            return "conclave up needs Linux 5.4 or newer (pidfd_open): " + Libc.ErrorText(Marshal.GetLastPInvokeError());

        _ = Libc.Close(pidfd);
        return null;
    }
}
