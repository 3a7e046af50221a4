using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;
using System.Text;
using System.Text.Json;
using Conclave.Bench.SelfHeal.Host;

namespace Conclave.Bench.SelfHeal.Load;

/// <summary>
/// A steady load that does not wait for answers: request n is due at start + n / rate, whatever became of the others. Kept connections are pooled as a client library
/// does it; every tenth request opens its own.
/// </summary>
internal sealed class OpenLoop : IAsyncDisposable
{
    /// <summary>Of 20 requests 8 are GET / (2 of them on connections of their own), 5 are POST, 6 take 200 ms, 1 has 1 MiB.</summary>
    private const string Mix = "gspgsbgspfgspsgspfsp";

    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(10);
    private static readonly byte[] Echoed = Encoding.ASCII.GetBytes(new string('x', 256));
    private readonly IPEndPoint _to;
    private readonly double _intervalNs;
    private readonly Dictionary<char, byte[]> _requests;
    private readonly ConcurrentStack<HttpConnection> _idle = [];
    private readonly ConcurrentDictionary<long, long> _outstanding = [];
    private readonly ConcurrentQueue<Answer> _answers = [];
    private readonly Thread _pacer;
    private volatile bool _stopping;

    public OpenLoop(Uri url, double perSecond)
    {
        _to = new IPEndPoint(IPAddress.Parse(url.Host), url.Port);
        _intervalNs = 1e9 / perSecond;
        _requests = new Dictionary<char, byte[]>
        {
            ['g'] = Request("GET / HTTP/1.1"),
            ['f'] = Request("GET / HTTP/1.1", "Connection: close\r\n"),
            ['s'] = Request("GET /slow?ms=200 HTTP/1.1"),
            ['b'] = Request("GET /big?bytes=1048576 HTTP/1.1"),
            ['p'] = [.. Request("POST / HTTP/1.1", "Content-Type: text/plain\r\nContent-Length: 256\r\n"), .. Echoed],
        };
        _pacer = new Thread(Pace) { IsBackground = true, Name = "load", Priority = ThreadPriority.AboveNormal };
        _pacer.Start();

        byte[] Request(string line, string headers = "") => Encoding.ASCII.GetBytes($"{line}\r\nHost: {_to}\r\n{headers}\r\n");
    }

    public int InFlight => _outstanding.Count;

    /// <summary>The oldest request that has not ended, by its intended time; <see cref="long.MaxValue"/> when there is none.</summary>
    public long OldestOutstandingNs => _outstanding.Values.DefaultIfEmpty(long.MaxValue).Min();

    /// <summary>Whether an answer has come that <paramref name="fits"/>, among those not yet taken.</summary>
    public bool Any(Func<Answer, bool> fits) => _answers.Any(fits);

    /// <summary>Takes all that have ended so far.</summary>
    public List<Answer> Take()
    {
        var taken = new List<Answer>();
        while (_answers.TryDequeue(out var answer))
            taken.Add(answer);
        return taken;
    }

    public async ValueTask DisposeAsync()
    {
        _stopping = true;
        while (!_outstanding.IsEmpty)
            await Task.Delay(10);
        foreach (var connection in _idle)
            connection.Dispose();
    }

    private void Pace()
    {
        var start = Clock.Ns;
        for (long n = 0; !_stopping; n++)
        {
            var due = start + (long)(n * _intervalNs);
            while (due - Clock.Ns is var ahead and > 0)
                Kernel.Sleep(ahead);
            _outstanding[n] = due;
            _ = SendAsync(n, due, Mix[(int)(n % Mix.Length)]);
        }
    }

    private async Task SendAsync(long number, long due, char what)
    {
        // Off the pacer's thread: a connect or a send that completes at once must not delay the next request.
        await Task.Yield();
        var answer = await AskAsync(due, what);
        _answers.Enqueue(answer);
        _outstanding.TryRemove(number, out _);
    }

    private async Task<Answer> AskAsync(long due, char what)
    {
        var kind = what switch
        {
            'p' => RequestKind.Post,
            's' => RequestKind.Slow,
            'b' => RequestKind.Big,
            _ => RequestKind.Get,
        };
        var fresh = what == 'f';
        using var patience = new CancellationTokenSource(Patience);
        HttpConnection? connection = null;
        var connected = false;
        Outcome outcome;
        string? instance = null;
        var pid = 0;
        try
        {
            connection = fresh ? null : Kept();
            if (connection is null)
            {
                connection = new HttpConnection();
                await connection.ConnectAsync(_to, patience.Token);
            }

            connected = true;
            var (status, body) = await connection.ExchangeAsync(_requests[what], patience.Token);
            outcome = status >= 500 ? Outcome.ServerError : status == 200 && Fits(kind, body, out instance, out pid) ? Outcome.Good : Outcome.Wrong;
        }
        catch (OperationCanceledException)
        {
            outcome = Outcome.Timeout;
        }
        catch (Exception broken) when (broken is IOException or SocketException)
        {
            outcome = !connected ? Outcome.Refused : connection!.Begun ? Outcome.Truncated : Outcome.Reset;
        }

        var done = Clock.Ns;
        if (outcome == Outcome.Good && !fresh && connection!.Reusable && !_stopping)
            _idle.Push(connection);
        else
            connection?.Dispose();
        return new Answer(due, done, kind, outcome, fresh, instance, pid);
    }

    private HttpConnection? Kept()
    {
        while (_idle.TryPop(out var connection))
        {
            if (connection.IsOpen)
                return connection;
            connection.Dispose();
        }

        return null;
    }

    private static bool Fits(RequestKind kind, byte[] body, out string? instance, out int pid)
    {
        (instance, pid) = (null, 0);
        switch (kind)
        {
            case RequestKind.Big:
                return true; // its length was read whole
            case RequestKind.Post:
                return body.AsSpan().SequenceEqual(Echoed);
            default:
                try
                {
                    using var who = JsonDocument.Parse(body);
                    instance = who.RootElement.GetProperty("instance").GetString();
                    pid = who.RootElement.GetProperty("pid").GetInt32();
                    return true;
                }
                catch (JsonException)
                {
                    return false;
                }
        }
    }
}
