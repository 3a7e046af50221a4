using System.Net.Sockets;
using System.Runtime.InteropServices;

namespace Conclave.Orchestration.Processes;

/// <summary>
/// Hands one open descriptor to another process over a connected Unix socket (SCM_RIGHTS, unix(7)). Who may connect may have the descriptor, so the
/// socket belongs in a directory of mode 0700.
/// </summary>
public static unsafe class DescriptorPassing
{
    // CMSG_SPACE(sizeof(int)) on 64-bit Linux: a header of 16 bytes, then 4 padded to 8.
    private const int HeaderSize = 16, ControlSize = 24;
    private const byte Marker = (byte)'L';

    /// <summary>Sends a copy of <paramref name="descriptor"/>; ours stays open.</summary>
    /// <exception cref="IOException">The other side is gone.</exception>
    /// <exception cref="TimeoutException">The other side took nothing for <paramref name="timeout"/>.</exception>
    public static void SendDescriptor(Socket connection, int descriptor, TimeSpan timeout)
    {
        if (!connection.Poll(timeout, SelectMode.SelectWrite))
            throw new TimeoutException("the other process takes no descriptor");

        var marker = Marker;
        var vector = new Libc.IoVector { Base = &marker, Length = 1 };
        var control = stackalloc long[ControlSize / sizeof(long)];
        var header = (Libc.ControlHeader*)control;
        *header = new Libc.ControlHeader { Length = HeaderSize + sizeof(int), Level = Libc.SOL_SOCKET, Type = Libc.SCM_RIGHTS };
        *(int*)((byte*)control + HeaderSize) = descriptor;
        var message = new Libc.MessageHeader { Vectors = &vector, VectorCount = 1, Control = control, ControlLength = ControlSize };
        if (Libc.SendMessage((int)connection.Handle, &message, Libc.MSG_NOSIGNAL) != 1)
            throw new IOException("cannot send a descriptor: " + Libc.ErrorText(Marshal.GetLastPInvokeError()));
    }

    /// <summary>Receives one descriptor, close-on-exec; the caller owns it.</summary>
    /// <exception cref="IOException">The other side closed, or sent something else.</exception>
    /// <exception cref="TimeoutException">Nothing came for <paramref name="timeout"/>, as from a stopped process.</exception>
    public static int ReceiveDescriptor(Socket connection, TimeSpan timeout)
    {
        if (!connection.Poll(timeout, SelectMode.SelectRead))
            throw new TimeoutException("the other process sends no descriptor");

        byte marker = 0;
        var vector = new Libc.IoVector { Base = &marker, Length = 1 };
        var control = stackalloc long[ControlSize / sizeof(long)];
        var message = new Libc.MessageHeader { Vectors = &vector, VectorCount = 1, Control = control, ControlLength = ControlSize };
        var received = Libc.ReceiveMessage((int)connection.Handle, &message, Libc.MSG_CMSG_CLOEXEC);
        if (received < 0)
            throw new IOException("cannot receive a descriptor: " + Libc.ErrorText(Marshal.GetLastPInvokeError()));

        var header = (Libc.ControlHeader*)control;
        if (received == 0 || message.ControlLength < HeaderSize + sizeof(int) || header->Level != Libc.SOL_SOCKET || header->Type != Libc.SCM_RIGHTS)
            throw new IOException("the other process closed the connection without sending a descriptor");
        var descriptor = *(int*)((byte*)control + HeaderSize);
        if (marker == Marker)
            return descriptor;

        _ = Libc.Close(descriptor);
        throw new IOException("the other process sent a descriptor of another kind");
    }
}
