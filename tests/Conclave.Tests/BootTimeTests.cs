using System.Globalization;

namespace Conclave.Tests;

public sealed class BootTimeTests
{
    [Fact]
    public void It_counts_from_the_boot_of_the_machine()
    {
        if (!OperatingSystem.IsLinux())
            return; // elsewhere it is TimeProvider.System, whose zero is unspecified

        var before = Instant.Now(BootTime.Provider);
        var uptime = double.Parse(File.ReadAllText("/proc/uptime").Split(' ')[0], CultureInfo.InvariantCulture);
        var after = Instant.Now(BootTime.Provider);

        // /proc/uptime is CLOCK_BOOTTIME cut to hundredths.
        Assert.InRange(uptime, before.SinceZero.TotalSeconds - 0.011, after.SinceZero.TotalSeconds);
    }

    [Fact]
    public void It_never_runs_backwards()
    {
        var last = Instant.Now(BootTime.Provider);
        for (var i = 0; i < 10_000; i++)
        {
            var now = Instant.Now(BootTime.Provider);
            Assert.True(now >= last);
            last = now;
        }
    }
}
