using System.Globalization;
using System.Net;
using System.Net.Sockets;
using Conclave.Bench.SelfHeal.Host;
using Conclave.Bench.SelfHeal.Load;
using Conclave.Bench.SelfHeal.Subjects;

namespace Conclave.Bench.SelfHeal;

/// <summary>How long the sample itself takes from its start to its first good answer, with nobody in between and the same load beside it.</summary>
internal static class OwnStartUp
{
    public static async Task<double> MeasureMsAsync(Place place)
    {
        var port = Place.FreePort();
        var url = string.Create(CultureInfo.InvariantCulture, $"http://127.0.0.1:{port}");
        var request = System.Text.Encoding.ASCII.GetBytes($"GET /readyz HTTP/1.1\r\nHost: 127.0.0.1:{port.ToString(CultureInfo.InvariantCulture)}\r\n\r\n");
        var began = Clock.Ns;
        var process = Tool.Start("dotnet", place.Temporary, place.Sample, "--urls", url);
        try
        {
            while (Clock.MsSince(began) < 30_000)
            {
                try
                {
                    using var connection = new HttpConnection();
                    await connection.ConnectAsync(new IPEndPoint(IPAddress.Loopback, port), CancellationToken.None);
                    if ((await connection.ExchangeAsync(request, CancellationToken.None)).Status == 200)
                        return Clock.MsSince(began);
                }
                catch (SocketException)
                {
                    await Task.Delay(5); // not listening yet
                }
            }

            throw new InvalidOperationException("the sample did not start within 30 s");
        }
        finally
        {
            await Tool.EndAsync(process);
        }
    }
}
