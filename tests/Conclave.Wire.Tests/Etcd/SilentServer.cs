using Conclave.Wire.Etcd;
using Conclave.Wire.Tests.Grpc;

namespace Conclave.Wire.Tests.Etcd;

/// <summary>Takes a put and never answers it.</summary>
internal sealed class SilentServer : IAsyncDisposable
{
    private readonly TestServer _server;
    private readonly TaskCompletionSource _arrived = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public SilentServer() => _server = new TestServer(router => router.MapUnary(EtcdMethods.Put, async (_, call) =>
    {
        _arrived.TrySetResult();
        await Task.Delay(Timeout.Infinite, call.Cancellation);
        return new PutResponse();
    }));

    public string Endpoint => _server.Endpoint;

    public Task RequestArrived => _arrived.Task;

    public ValueTask DisposeAsync() => _server.DisposeAsync();
}
