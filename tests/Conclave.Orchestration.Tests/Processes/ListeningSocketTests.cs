using System.Net;
using System.Net.Sockets;
using Conclave.Orchestration.Processes;

namespace Conclave.Orchestration.Tests.Processes;

public sealed class ListeningSocketTests : ProcessFixtures
{
    private static readonly IPEndPoint AnyPort = new(IPAddress.Loopback, 0);

    [Fact]
    public void Port_in_use_names_who_has_it()
    {
        using var first = ListeningSocket.Bind(AnyPort, 16);
        var e = Assert.Throws<ConclaveException>(() => ListeningSocket.Bind(first.EndPoint, 16));
        Assert.Contains($"port {first.EndPoint.Port} is in use by", e.Message, StringComparison.Ordinal);
        Assert.Contains($"(pid {Environment.ProcessId})", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Foreign_address_is_one_clear_line() =>
        Assert.Contains("192.0.2.1", Assert.Throws<ConclaveException>(() => ListeningSocket.Bind(new IPEndPoint(IPAddress.Parse("192.0.2.1"), 0), 16)).Message, StringComparison.Ordinal);

    [Fact]
    public async Task Descriptor_opened_again_accepts_and_does_not_leak_into_children()
    {
        using var first = ListeningSocket.Bind(AnyPort, 16);
        var inherited = Libc.Fcntl(first.Descriptor, 0, 0); // F_DUPFD, without close-on-exec, as after exec
        using var again = ListeningSocket.FromDescriptor(inherited);
        Assert.Equal(first.EndPoint, again.EndPoint);
        Assert.Equal(Libc.FD_CLOEXEC, Libc.Fcntl(inherited, Libc.F_GETFD, 0));
        first.Dispose();
        using var client = new TcpClient();
        await client.ConnectAsync(again.EndPoint).WaitAsync(Deadline);
    }

    [Fact]
    public void What_does_not_listen_is_refused()
    {
        Assert.Throws<ConclaveException>(() => ListeningSocket.FromDescriptor(9999));
        using var file = File.OpenHandle("/dev/null");
        Assert.Throws<ConclaveException>(() => ListeningSocket.FromDescriptor((int)file.DangerousGetHandle()));
    }

    [Fact]
    public async Task Descriptor_travels_to_another_process_and_back()
    {
        // The other process keeps the only copy for a while: it gets the socket, we close ours, it hands it back.
        var path = Path.Combine(Folder, "pass");
        using var server = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        server.Bind(new UnixDomainSocketEndPoint(path));
        server.Listen(1);
        Start(Python($"""
            import socket
            s = socket.socket(socket.AF_UNIX); s.connect('{path}')
            msg, fds, _, _ = socket.recv_fds(s, 1, 1)
            s.recv(1)
            socket.send_fds(s, [msg], fds)
            """));
        using var connection = await server.AcceptAsync().WaitAsync(Deadline);

        var listening = ListeningSocket.Bind(AnyPort, 16);
        var endPoint = listening.EndPoint;
        DescriptorPassing.SendDescriptor(connection, listening.Descriptor, Deadline);
        listening.Dispose();
        await connection.SendAsync(new byte[] { 1 });
        using var back = ListeningSocket.FromDescriptor(DescriptorPassing.ReceiveDescriptor(connection, Deadline));
        Assert.Equal(endPoint, back.EndPoint);
        Assert.Equal(Libc.FD_CLOEXEC, Libc.Fcntl(back.Descriptor, Libc.F_GETFD, 0));
    }

    [Fact]
    public void Silent_or_closed_other_side_is_an_error_and_no_hang()
    {
        var path = Path.Combine(Folder, "pass");
        using var server = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        server.Bind(new UnixDomainSocketEndPoint(path));
        server.Listen(1);
        using var client = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        client.Connect(new UnixDomainSocketEndPoint(path));
        using var connection = server.Accept();
        Assert.Throws<TimeoutException>(() => DescriptorPassing.ReceiveDescriptor(connection, TimeSpan.FromMilliseconds(20)));
        client.Send("x"u8);
        Assert.Throws<IOException>(() => DescriptorPassing.ReceiveDescriptor(connection, Deadline));
        client.Dispose();
        Assert.Throws<IOException>(() => DescriptorPassing.ReceiveDescriptor(connection, Deadline));
    }

    [Fact]
    public void Allocated_port_is_free_and_in_no_record()
    {
        var ports = new PortAllocator("node-1");
        var first = ports.Allocate(new HashSet<int>());
        Assert.InRange(first, 20_000, 29_999);
        Assert.Equal(first, new PortAllocator("node-1").Allocate(new HashSet<int>()));
        Assert.NotEqual(first, ports.Allocate(new HashSet<int> { first }));

        using var taken = ListeningSocket.Bind(new IPEndPoint(IPAddress.Loopback, first), 1);
        Assert.False(PortAllocator.IsFree(first));
        Assert.NotEqual(first, ports.Allocate(new HashSet<int>()));
    }

    [Fact]
    public void Exhausted_range_is_one_clear_line()
    {
        var ports = new PortAllocator { First = 20_000, Last = 20_001 };
        var e = Assert.Throws<ConclaveException>(() => ports.Allocate(new HashSet<int> { 20_000, 20_001 }));
        Assert.Contains("20000 to 20001", e.Message, StringComparison.Ordinal);
    }
}
