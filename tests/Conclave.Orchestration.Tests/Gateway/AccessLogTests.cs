using System.Globalization;
using System.Text;
using Conclave.Orchestration.Gateway;
using Microsoft.Extensions.Logging.Abstractions;

namespace Conclave.Orchestration.Tests.Gateway;

public sealed class AccessLogTests : IDisposable
{
    private readonly string _path = Path.Combine(Path.GetTempPath(), $"cal-{Guid.NewGuid():N}.log");

    public void Dispose()
    {
        File.Delete(_path);
        File.Delete(_path + ".1");
    }

    [Theory]
    [InlineData("/plain", "/plain")]
    [InlineData("/ä€😀", "/ä€😀")]
    [InlineData("/a\nb\"c\\d\u007f", "/a\\u000ab\\u0022c\\u005cd\\u007f")]
    [InlineData("", "")]
    public void A_path_is_written_as_it_came_but_for_what_could_forge_a_line(string path, string written)
    {
        var line = Text(new AccessLine("GET", path, 200, "web/1", 1, TimeSpan.FromMilliseconds(1.5)));

        Assert.EndsWith($"Z GET \"{written}\" 200 web/1 1 1.500\n", line, StringComparison.Ordinal);
        Assert.True(DateTime.TryParseExact(line[..24], "yyyy-MM-ddTHH:mm:ss.fffZ", CultureInfo.InvariantCulture, DateTimeStyles.None, out _));
    }

    [Fact]
    public void A_request_that_no_instance_saw_has_a_dash() =>
        Assert.EndsWith(" GET \"/\" 503 - 0 0.000\n", Text(new AccessLine("GET", "/", 503, null, 0, TimeSpan.Zero)), StringComparison.Ordinal);

    [Theory]
    [InlineData('\u0001')]
    [InlineData('€')]
    [InlineData('\ud800')]
    public void The_longest_line_fits_and_is_still_one_line(char filler)
    {
        var endless = new string(filler, 100_000);
        var line = Text(new AccessLine(new string('M', 1_000), endless, int.MaxValue, endless, int.MaxValue, TimeSpan.MaxValue));

        Assert.Equal(line.Length - 1, line.IndexOf('\n', StringComparison.Ordinal));
        Assert.Contains(int.MaxValue.ToString(CultureInfo.InvariantCulture), line, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_batch_of_many_blocks_is_written_whole_and_in_order()
    {
        const int Lines = 10_000;
        var log = new AccessLog(new GatewayAccessLogOptions { Path = _path }, NullLogger.Instance);
        for (var i = 0; i < Lines; i++)
            log.Add(new AccessLine("GET", $"/{i}", 200, "web/1", 1, TimeSpan.Zero));
        await log.RunAsync(new CancellationToken(canceled: true));

        var written = await File.ReadAllLinesAsync(_path);
        Assert.Equal(Enumerable.Range(0, Lines).Select(i => $"\"/{i}\""), written.Select(l => l.Split(' ')[2]));
        Assert.Equal(0, log.Dropped);
    }

    [Fact]
    public async Task A_full_file_is_put_aside()
    {
        var options = new GatewayAccessLogOptions { Path = _path, FileBytes = 1 };
        for (var i = 0; i < 3; i++)
        {
            var log = new AccessLog(options, NullLogger.Instance);
            log.Add(new AccessLine("GET", $"/{i}", 200, "web/1", 1, TimeSpan.Zero));
            await log.RunAsync(new CancellationToken(canceled: true));
        }

        Assert.Contains("/2", Assert.Single(await File.ReadAllLinesAsync(_path)), StringComparison.Ordinal);
        Assert.Contains("/1", Assert.Single(await File.ReadAllLinesAsync(_path + ".1")), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Lines_that_cannot_be_written_are_counted()
    {
        var log = new AccessLog(new GatewayAccessLogOptions { Path = Path.Combine(_path, "no", "such", "directory"), BufferLines = 2 }, NullLogger.Instance);
        for (var i = 0; i < 3; i++)
            log.Add(new AccessLine("GET", "/", 200, "web/1", 1, TimeSpan.Zero));
        await log.RunAsync(new CancellationToken(canceled: true));

        Assert.Equal(3, log.Dropped);
    }

    private static string Text(AccessLine line)
    {
        var bytes = new byte[AccessLine.BytesMax];
        return Encoding.UTF8.GetString(bytes, 0, line.Format(bytes));
    }
}
