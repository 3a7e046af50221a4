using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Runtime.InteropServices;

namespace Conclave.Orchestration.Processes;

/// <summary>
/// One listening TCP socket that many processes share: bound once, then handed along every spawn (<see cref="ProcessSpec.InheritedDescriptors"/>) or over
/// a Unix socket (<see cref="DescriptorPassing"/>). New connections wait in the kernel's one queue and go to whichever process accepts, so a stopped
/// or dead one takes none with it. Closed when the last process closed it.
/// </summary>
public sealed class ListeningSocket : IDisposable
{
    private readonly Socket _socket;

    private ListeningSocket(Socket socket)
    {
        _socket = socket;
        EndPoint = (IPEndPoint)socket.LocalEndPoint!;
    }

    /// <summary>The number in this process; closes on exec, so a child gets it only when named in its spec.</summary>
    public int Descriptor => (int)_socket.Handle;

    /// <summary>Where it listens, with the port that the kernel chose when 0 was asked for.</summary>
    public IPEndPoint EndPoint { get; }

    /// <summary>Binds and listens.</summary>
    /// <param name="endPoint">Port 0 lets the kernel choose.</param>
    /// <param name="backlog">Connections that may wait to be accepted; the kernel's limit net.core.somaxconn applies.</param>
    /// <exception cref="ConclaveException">The port is in use (says by whom, if it can be seen), not permitted, or the address is not of this host.</exception>
    public static ListeningSocket Bind(IPEndPoint endPoint, int backlog)
    {
        Platform.Require();
        var socket = new Socket(endPoint.AddressFamily, SocketType.Stream, ProtocolType.Tcp);
        try
        {
            // Listening comes with it: on Linux two sockets with SO_REUSEADDR, which .NET sets, may both bind one port; only listen refuses.
            socket.Bind(endPoint);
            socket.Listen(backlog);
            return new ListeningSocket(socket);
        }
        catch (SocketException e)
        {
            socket.Dispose();
            throw new ConclaveException(Explain(endPoint, e), ExitCode.Failed, e);
        }
    }

    /// <summary>Takes charge of a listening socket that this process inherited or received.</summary>
    /// <param name="descriptor">Its number here. Marked close-on-exec from now on.</param>
    /// <exception cref="ConclaveException">No open descriptor, or not a listening socket.</exception>
    public static unsafe ListeningSocket FromDescriptor(int descriptor)
    {
        Platform.Require();
        int listening = 0;
        uint length = sizeof(int);
        if (Libc.GetSocketOption(descriptor, Libc.SOL_SOCKET, Libc.SO_ACCEPTCONN, &listening, &length) < 0 || listening == 0)
            throw new ConclaveException($"descriptor {descriptor} is not a listening socket; it is handed over by the process that starts this one");
        if (Libc.Fcntl(descriptor, Libc.F_SETFD, Libc.FD_CLOEXEC) < 0)
            throw new ConclaveException($"descriptor {descriptor}: {Libc.ErrorText(Marshal.GetLastPInvokeError())}");
        return new ListeningSocket(new Socket(new SafeSocketHandle(descriptor, ownsHandle: true)));
    }

    /// <summary>Closes our copy; the others go on.</summary>
    public void Dispose() => _socket.Dispose();

    private static string Explain(IPEndPoint endPoint, SocketException e) => e.SocketErrorCode switch
    {
        SocketError.AddressAlreadyInUse => PortHolder.Find(endPoint.Port) is { } holder
            ? $"port {endPoint.Port} is in use by {holder}; stop it or choose another port"
            : $"port {endPoint.Port} is in use by another program; stop it or choose another port",
        SocketError.AccessDenied => $"no permission to listen on port {endPoint.Port}; choose one above 1023",
        SocketError.AddressNotAvailable => $"{endPoint.Address} is not an address of this host; listen on one of its addresses",
        _ => string.Create(CultureInfo.InvariantCulture, $"cannot listen on {endPoint}: {e.Message}"),
    };
}
