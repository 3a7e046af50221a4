using System.Buffers.Binary;
using System.Collections.Immutable;
using System.Net.Sockets;
using Conclave.Orchestration.Processes;
using Microsoft.Extensions.Logging;

namespace Conclave.Orchestration.Nodes;

/// <summary>
/// A node's control socket, for this user on this host. One byte asks: <c>P</c> is a ping, answered from the supervision loop with the process id, so that a node whose
/// loop is stuck does not answer though its sockets do; <c>L</c> is answered with the gateways' listening sockets (SCM_RIGHTS), so that a new <c>up</c> or gateway can have them.
/// </summary>
public sealed class NodeControl(string path, ImmutableArray<int> listeners, Func<CancellationToken, Task> throughTheLoop, ILogger log)
{
    internal const byte Ping = (byte)'P';
    internal const byte Listeners = (byte)'L';
    private const int MaxClients = 64;
    private static readonly TimeSpan HandOverTimeout = TimeSpan.FromSeconds(2);

    /// <summary>Serves until cancelled.</summary>
    public async Task RunAsync(CancellationToken stopping)
    {
        using var server = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        File.Delete(path); // the node's lock is ours, so this is a dead predecessor's
        server.Bind(new UnixDomainSocketEndPoint(path));
        server.Listen(MaxClients);
        using var room = new SemaphoreSlim(MaxClients);
        try
        {
            while (true)
            {
                await room.WaitAsync(stopping);
                _ = ServeAndReleaseAsync(await AcceptAsync(server, room, stopping), room, stopping);
            }
        }
        catch (OperationCanceledException) when (stopping.IsCancellationRequested)
        {
            // The end that was asked for.
        }

        // Every client is cancelled by the same token; the room is whole again when the last has left.
        for (var i = 0; i < MaxClients; i++)
            await room.WaitAsync(CancellationToken.None);
    }

    /// <summary>The next client, in whose name a place in <paramref name="room"/> was taken; without a client the place is given back.</summary>
    private static async Task<Socket> AcceptAsync(Socket server, SemaphoreSlim room, CancellationToken stopping)
    {
        try
        {
            return await server.AcceptAsync(stopping);
        }
        catch
        {
            room.Release();
            throw;
        }
    }

    private async Task ServeAndReleaseAsync(Socket client, SemaphoreSlim room, CancellationToken stopping)
    {
        try
        {
            using (client)
                await ServeAsync(client, stopping);
        }
        catch (Exception gone) when (gone is SocketException or OperationCanceledException or IOException or TimeoutException)
        {
            log.ControlClientGone(gone.Message);
        }
        finally
        {
            room.Release();
        }
    }

    private async Task ServeAsync(Socket client, CancellationToken stopping)
    {
        var asked = new byte[1];
        var answer = new byte[sizeof(int)];
        while (await client.ReceiveAsync(asked, stopping) == 1)
        {
            switch (asked[0])
            {
                case Ping:
                    await throughTheLoop(stopping);
                    BinaryPrimitives.WriteInt32LittleEndian(answer, Environment.ProcessId);
                    await client.SendAsync(answer, stopping);
                    break;
                case Listeners:
                    BinaryPrimitives.WriteInt32LittleEndian(answer, listeners.Length);
                    await client.SendAsync(answer, stopping);
                    foreach (var listener in listeners)
                        DescriptorPassing.SendDescriptor(client, listener, HandOverTimeout);
                    break;
                default:
                    return;
            }
        }
    }
}
