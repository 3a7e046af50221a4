using System.Buffers.Text;
using System.Net;
using System.Net.Sockets;
using System.Text;

namespace Conclave.Orchestration.Probing;

/// <summary>What came of a question.</summary>
/// <param name="Status">The HTTP status; 0 when there was no answer in HTTP.</param>
/// <param name="Error">Why there was none; <see cref="SocketError.Success"/> when the connection was made and something else than HTTP, or nothing, came back.</param>
internal readonly record struct HttpAnswer(int Status, SocketError Error)
{
    /// <summary>As Kubernetes counts it: 200 to 399.</summary>
    public bool IsSuccess => Status is >= 200 and < 400;

    /// <summary>It acted, whatever it said: a connection alone proves nothing, as the kernel accepts for a stopped process too.</summary>
    public bool IsSignOfLife => Error == SocketError.Success;

    /// <summary>Null for a success, else one line.</summary>
    public string? Why => this switch
    {
        { IsSuccess: true } => null,
        { Status: > 0 } => string.Create(System.Globalization.CultureInfo.InvariantCulture, $"HTTP status {Status}"),
        { Error: SocketError.Success } => "it closed the connection without an HTTP answer",
        _ => Dial.TextOf(Error),
    };
}

/// <summary>
/// One HTTP request on a connection of its own, and the status that came back. Not <see cref="HttpClient"/>: until a starting instance listens it refuses fifty times a second, and
/// each refusal would pass through that client's layers as an exception. A connection that was kept could also answer for a process that is gone.
/// </summary>
internal static class HttpProbe
{
    private const string StatusLine = "HTTP/1.1 200";
    private const int MaxBodyRead = 64 * 1024;
    private static readonly TimeSpan Farewell = TimeSpan.FromMilliseconds(50);

    /// <param name="target">Where it listens.</param>
    /// <param name="host">For the Host header.</param>
    /// <param name="request">Method and target, such as <c>GET /readyz</c>.</param>
    /// <param name="timeout">For the whole of it; an answer that is not there by then is <see cref="SocketError.TimedOut"/>.</param>
    /// <param name="stopping">Ends the question without an answer.</param>
    public static async Task<HttpAnswer> AskAsync(EndPoint target, string host, string request, TimeSpan timeout, CancellationToken stopping)
    {
        using var socket = Dial.NewSocket(target);
        using var deadline = CancellationTokenSource.CreateLinkedTokenSource(stopping);
        deadline.CancelAfter(timeout);
        var limit = deadline.Token;
        try
        {
            if (await Dial.ConnectAsync(socket, target, limit) is not SocketError.Success and var refused)
                return new HttpAnswer(0, refused);
            var sent = Encoding.ASCII.GetBytes($"{request} HTTP/1.1\r\nHost: {host}\r\nUser-Agent: conclave-probe/1\r\nAccept: */*\r\nConnection: close\r\n\r\n");
            for (var done = 0; done < sent.Length;)
                done += await socket.SendAsync(sent.AsMemory(done), SocketFlags.None, limit);

            var answer = new byte[4096];
            var read = 0;
            while (read < StatusLine.Length)
            {
                var more = await socket.ReceiveAsync(answer.AsMemory(read), SocketFlags.None, limit);
                if (more == 0)
                    return new HttpAnswer(0, SocketError.Success);
                read += more;
            }

            var status = StatusOf(answer);
            deadline.CancelAfter(Farewell);
            await HearOutAsync(socket, answer, limit);
            return new HttpAnswer(status, SocketError.Success);
        }
        catch (SocketException broken)
        {
            return new HttpAnswer(0, broken.SocketErrorCode);
        }
        catch (OperationCanceledException) when (!stopping.IsCancellationRequested)
        {
            return new HttpAnswer(0, SocketError.TimedOut);
        }
    }

    private static int StatusOf(ReadOnlySpan<byte> answer) =>
        answer.StartsWith("HTTP/1."u8) && Utf8Parser.TryParse(answer[(StatusLine.Length - 3)..StatusLine.Length], out int status, out _) ? status : 0;

    /// <summary>Closing before the rest has come would reset the connection, which some servers log as an error.</summary>
    private static async Task HearOutAsync(Socket socket, byte[] buffer, CancellationToken limit)
    {
        try
        {
            for (var read = 0; read < MaxBodyRead;)
            {
                var more = await socket.ReceiveAsync(buffer, SocketFlags.None, limit);
                if (more == 0)
                    return;
                read += more;
            }
        }
        catch (Exception e) when (e is OperationCanceledException or SocketException)
        {
            // The answer is known; how the connection ends does not change it.
        }
    }
}
