using System.Net.Sockets;
using Conclave.Orchestration.Model;

namespace Conclave.Orchestration.Supervision;

/// <summary>Asks a gateway how it is, on its control socket: its listening port is shared with the others, so a request there says nothing of this one. Thread-safe.</summary>
internal sealed class GatewayProbe : IDisposable
{
    private readonly HttpClient _http;

    /// <param name="path">The gateway's control socket.</param>
    public GatewayProbe(string path) => _http = new HttpClient(new SocketsHttpHandler
    {
        UseProxy = false,
        MaxConnectionsPerServer = 2,
        ConnectCallback = async (_, cancel) =>
        {
            var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
            try
            {
                await socket.ConnectAsync(new UnixDomainSocketEndPoint(path), cancel);
                return new NetworkStream(socket, ownsSocket: true);
            }
            catch
            {
                socket.Dispose();
                throw;
            }
        },
    })
    {
        Timeout = Timeout.InfiniteTimeSpan,
    };

    public async Task<ProbeResult> AskAsync(ProbeSpec spec, CancellationToken stopping)
    {
        using var deadline = CancellationTokenSource.CreateLinkedTokenSource(stopping);
        deadline.CancelAfter(spec.Timeout);
        try
        {
            using var answer = await _http.GetAsync(new Uri("http://gateway" + spec.Path), deadline.Token);
            return answer.IsSuccessStatusCode ? new ProbeResult.Succeeded(TimeSpan.Zero) : new ProbeResult.Failed($"GET {spec.Path} answered {(int)answer.StatusCode}");
        }
        catch (HttpRequestException failed)
        {
            return new ProbeResult.Failed(failed.InnerException?.Message ?? failed.Message);
        }
        catch (OperationCanceledException) when (!stopping.IsCancellationRequested)
        {
            return new ProbeResult.TimedOut(spec.Timeout);
        }
    }

    public void Dispose() => _http.Dispose();
}
