using System.Globalization;

namespace Conclave.Contract;

/// <summary>
/// A wall clock for one process, by Debian's faketime, that the test sets while the process runs. Only the clock that an administrator can set is moved: those that count from
/// the start of the machine stay.
/// </summary>
public sealed class WallClock
{
    /// <summary>What is there when faketime is.</summary>
    public const string Program = "/usr/bin/faketime";

    private readonly string _file;
    private TimeSpan _ahead;

    public WallClock(string folder)
    {
        _file = Path.Combine(folder, "wall-clock");
        Set(TimeSpan.Zero);
    }

    /// <summary>For the process.</summary>
    public IReadOnlyDictionary<string, string> Environment => new Dictionary<string, string>
    {
        ["LD_PRELOAD"] = Directory.EnumerateFiles("/usr/lib", "libfaketimeMT.so.1", SearchOption.AllDirectories).First(),
        ["FAKETIME_TIMESTAMP_FILE"] = _file,
        ["FAKETIME_NO_CACHE"] = "1",
        ["FAKETIME_DONT_FAKE_MONOTONIC"] = "1",
        ["FAKETIME_DONT_RESET"] = "1",
    };

    /// <summary>The day by this clock.</summary>
    public string Today => (DateTime.UtcNow + _ahead).ToString("yyyy-MM-dd", CultureInfo.InvariantCulture);

    /// <summary>Sets the clock so far ahead of the machine's, or behind it.</summary>
    public void Set(TimeSpan ahead)
    {
        _ahead = ahead;
        File.WriteAllText(_file + ".new", string.Create(CultureInfo.InvariantCulture, $"{ahead.TotalSeconds:+0;-0;+0}\n"));
        File.Move(_file + ".new", _file, overwrite: true); // read at every reading of the clock: never half written
    }
}
