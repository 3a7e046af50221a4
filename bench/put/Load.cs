using System.Diagnostics;
using System.Globalization;
using Conclave.Wire.Etcd;
using Conclave.Wire.Grpc;
using Google.Protobuf;

namespace Conclave.Bench.Put;

/// <summary>
/// Clients that each put, wait for the answer and put again (a closed loop). The n-th put of a client goes to the next connection, so
/// every member, the leader among them, gets the same share.
/// </summary>
internal static class Load
{
    private const int ValueBytes = 256;
    private const int Keys = 100_000;
    private const int Seed = 20_260;

    private static readonly TimeSpan Timeout = TimeSpan.FromSeconds(20);

    public static async Task<Measurement> RunAsync(Group group, int clients, TimeSpan duration)
    {
        var connections = group.Connections(clients);
        var processor = group.ProcessorTime;
        var began = Stopwatch.GetTimestamp();
        var end = began + (long)(duration.TotalSeconds * Stopwatch.Frequency);
        var latencies = await Task.WhenAll(Enumerable.Range(0, clients).Select(client => Task.Run(() => ClientAsync(connections, client, end))));
        var elapsed = Stopwatch.GetElapsedTime(began);
        var all = latencies.SelectMany(l => l).ToArray();
        Array.Sort(all);
        return new Measurement(
            group.Name,
            clients,
            all.Length / elapsed.TotalSeconds,
            At(all, 0.50),
            At(all, 0.99),
            (group.ProcessorTime - processor).TotalMicroseconds / all.Length);
    }

    private static async Task<List<long>> ClientAsync(GrpcChannel[] connections, int client, long end)
    {
        var random = new Random(Seed + client);
        var value = new byte[ValueBytes];
        var latencies = new List<long>();
        for (var n = client; ; n++)
        {
            random.NextBytes(value);
            var request = new PutRequest
            {
                Key = ByteString.CopyFromUtf8(string.Create(CultureInfo.InvariantCulture, $"bench/{random.Next(Keys):x8}")),
                Value = ByteString.CopyFrom(value),
            };
            var sent = Stopwatch.GetTimestamp();
            if (sent >= end) return latencies;

            // A refused put ends the run: a measurement with errors in it is none.
            await connections[n % connections.Length].UnaryAsync(EtcdMethods.Put, request, Timeout, CancellationToken.None);
            latencies.Add(Stopwatch.GetTimestamp() - sent);
        }
    }

    private static double At(long[] sorted, double quantile) =>
        sorted[(int)Math.Min(sorted.Length - 1, Math.Ceiling(sorted.Length * quantile))] * 1_000.0 / Stopwatch.Frequency;
}

/// <param name="System">conclave or etcd.</param>
/// <param name="Clients">Callers at a time.</param>
/// <param name="PutsPerSecond">Acknowledged.</param>
/// <param name="P50">Milliseconds, as the client sees it.</param>
/// <param name="P99">Milliseconds, as the client sees it.</param>
/// <param name="ProcessorMicroseconds">Of the three members together, for each put: what a busy machine changes least.</param>
internal sealed record Measurement(string System, int Clients, double PutsPerSecond, double P50, double P99, double ProcessorMicroseconds);
