using System.Net.Sockets;
using Conclave.Orchestration;
using Conclave.Runtime;
using Conclave.Runtime.Disk;
using Conclave.Server;
using Conclave.Store;
using Microsoft.AspNetCore.Connections;

namespace Conclave.Cli.Cluster;

/// <summary>What ends a member of the coordination group, as the one line that a person reads. A broken invariant is not among them: it is our bug and keeps its stack trace.</summary>
internal static class MemberFaults
{
    /// <summary>The line, or null for what is not a fault of the world.</summary>
    public static ConclaveException? Explain(Exception fault) => fault switch
    {
        ServerOptionException => new ConclaveException(fault.Message, ExitCode.Usage, fault),
        DamagedFileException or ForeignDirectoryException or DirectoryInUseException or DirectoryReplacedException => new ConclaveException(fault.Message, ExitCode.Failed, fault),
        DiskFailedException => new ConclaveException(
            $"stopped, because its disk can no longer be trusted: {fault.Message}; nothing that was acknowledged is lost while a majority of the members lives. Check the disk and its free space, then start it again",
            ExitCode.Failed,
            fault),
        IOException { InnerException: SocketException or AddressInUseException } => new ConclaveException(
            $"{fault.Message}; end the program that listens there ('ss -ltnp' names it) or give this one another address", ExitCode.Failed, fault),
        SocketException => new ConclaveException($"cannot listen: {fault.Message}", ExitCode.Failed, fault),
        _ => null,
    };
}
