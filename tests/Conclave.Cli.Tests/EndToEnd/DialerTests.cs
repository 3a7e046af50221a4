using System.Globalization;
using System.Text.Json;

namespace Conclave.Cli.Tests.EndToEnd;

/// <summary><c>conclave demo dialer</c> with real processes. What its receipt says is counted again here, from the bills that the telephony API wrote.</summary>
[Collection(EndToEndCollection.Name)]
public sealed class DialerTests : IDisposable
{
    private const int Customers = 500;

    private readonly DirectoryInfo _directory = Directory.CreateTempSubdirectory("conclave-dialer-");

    private string Kept => Path.Combine(_directory.FullName, "kept");

    public void Dispose() => _directory.Delete(recursive: true);

    [Fact]
    public async Task With_the_election_each_customer_has_one_line_on_the_bill_and_without_it_five()
    {
        var ended = await DemoAsync();
        Assert.True(ended.Code == 0, ended.ToString());
        var receipt = JsonDocument.Parse(ended.Out).RootElement;

        var all = Enumerable.Range(1, Customers);
        Assert.Equal(all.SelectMany(customer => Enumerable.Repeat(customer, 5)), Bill("without").Select(line => line.Customer).Order());
        Assert.Equal(all, Bill("with").Select(line => line.Customer).Order());
        Assert.Equal(Bill("with").Select(line => line.Token).Order(), Bill("with").Select(line => line.Token)); // no leader of the past after a newer one
        Assert.True(Bill("with").Select(line => line.Caller).Distinct().Count() >= 2, "one leader made all calls");

        var (without, with) = (receipt.GetProperty("without_election"), receipt.GetProperty("with_election"));
        Assert.True(receipt.GetProperty("passed").GetBoolean());
        Assert.Equal(5 * Customers, without.GetProperty("calls_billed").GetInt32());
        Assert.Equal(Customers, without.GetProperty("customers_called_more_than_once").GetInt32());
        Assert.Equal(Customers, with.GetProperty("calls_billed").GetInt32());
        Assert.Equal(0, with.GetProperty("customers_called_more_than_once").GetInt32());

        // The woken leader was refused, and the calls that a dead one left in doubt were known by their key.
        Assert.True(with.GetProperty("refused_for_stale_token").GetInt64() > 0, ended.ToString());
        Assert.True(with.GetProperty("absorbed_by_key").GetInt64() > 0, ended.ToString());

        var faults = receipt.GetProperty("faults").EnumerateArray().ToList();
        Assert.Equal(3, faults.Count);
        foreach (var fault in faults)
        {
            var (before, after) = (fault.GetProperty("before").GetProperty("token").GetInt64(), fault.GetProperty("after").GetProperty("token").GetInt64());
            Assert.True(after > before, ended.ToString());
            Assert.True(fault.GetProperty("seconds_without_leader").GetDouble() > 0);
        }

        Assert.Empty(Left());
    }

    [Theory]
    [InlineData("token")]
    [InlineData("key")]
    public async Task Neither_token_nor_key_alone_is_enough(string without)
    {
        var ended = await DemoAsync("--without", without);
        Assert.True(ended.Code == 1, ended.ToString());
        Assert.False(JsonDocument.Parse(ended.Out).RootElement.GetProperty("passed").GetBoolean());
        var twice = Bill("with").GroupBy(line => line.Customer).Where(calls => calls.Count() > 1).ToList();
        Assert.NotEmpty(twice);
        if (without == "token")
            Assert.NotEqual(Bill("with").Select(line => line.Token).Order(), Bill("with").Select(line => line.Token)); // a leader of the past dialled
        else
            Assert.Equal(Bill("with").Select(line => line.Token).Order(), Bill("with").Select(line => line.Token));
        Assert.Empty(Left());
    }

    [Fact]
    public async Task Interrupted_it_ends_all_that_it_started()
    {
        using var demo = System.Diagnostics.Process.Start(ConclaveProgram.Command(_directory.FullName, "demo", "dialer", "--directory", Kept))!;
        demo.StandardInput.Close();
        var output = ConclaveProgram.ReadAsync(demo.StandardOutput);
        var error = ConclaveProgram.ReadAsync(demo.StandardError);
        await Waiting.UntilAsync("calls are billed", () => File.Exists(BillOf("without")) && new FileInfo(BillOf("without")).Length > 0, () => $"there were {string.Join(", ", Left())}");
        Assert.NotEmpty(Left());
        RunningCluster.Signal(RunningCluster.Terminate, demo.Id);
        await demo.WaitForExitAsync();
        Assert.True(demo.ExitCode == 1, $"{await output}{await error}");
        Assert.Empty(Left());
    }

    [Theory]
    [InlineData("--customers", "10")]
    [InlineData("--without", "hope")]
    public async Task Wrong_option_is_one_line(params string[] options)
    {
        var ended = await ConclaveProgram.RunAsync(_directory.FullName, ["demo", "dialer", .. options]);
        Assert.True(ended.Code == 2 && ended.Complaints is [var why] && why.Contains(options[0], StringComparison.Ordinal), ended.ToString());
    }

    private Task<Ended> DemoAsync(params string[] options) => ConclaveProgram.RunAsync(
        _directory.FullName, ["demo", "dialer", "--customers", Customers.ToString(CultureInfo.InvariantCulture), "--json", "--directory", Kept, .. options]);

    private string BillOf(string lane) => Path.Combine(Kept, lane, "bill.csv");

    private List<(int Customer, long Token, string Caller)> Bill(string lane) =>
    [
        .. File.ReadLines(BillOf(lane)).Select(line => line.Split(','))
            .Select(parts => (int.Parse(parts[1], CultureInfo.InvariantCulture), long.Parse(parts[3], CultureInfo.InvariantCulture), parts[4])),
    ];

    /// <summary>Processes that work in the demo's directory.</summary>
    private List<string> Left()
    {
        var left = new List<string>();
        foreach (var process in Directory.EnumerateDirectories("/proc").Where(path => char.IsAsciiDigit(Path.GetFileName(path)[0])))
        {
            try
            {
                if (new DirectoryInfo(process + "/cwd").ResolveLinkTarget(returnFinalTarget: false)?.FullName.StartsWith(Kept, StringComparison.Ordinal) == true)
                    left.Add(File.ReadAllText(process + "/cmdline").Replace('\0', ' '));
            }
            catch (Exception gone) when (gone is IOException or UnauthorizedAccessException)
            {
                // It ended while we looked, or is somebody else's.
            }
        }

        return left;
    }
}
