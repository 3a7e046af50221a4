using System.Globalization;

namespace Conclave.Samples.DoubleDialer.Dialing;

/// <summary>
/// Who was called on which day, so that the next leader goes on where the last one stopped. Stands for a table that all instances share: a directory for each day, in it a file for each leadership with the
/// customers that it has called.
/// </summary>
/// <remarks>
/// No leader writes into another's file, and what is written stays true: <i>17 was called</i> is as true from a former leader as from the present one, so this needs no token. A position ("go on at 18") would
/// need one, for a former leader could set it back.
/// </remarks>
internal sealed class Campaigns(string directory)
{
    private const string DayFormat = "yyyy-MM-dd";

    /// <summary>The last day on which anybody was called.</summary>
    public DateOnly? Latest()
    {
        if (!Directory.Exists(directory))
            return null;
        return Directory.EnumerateDirectories(directory)
            .Select(path => DateOnly.TryParseExact(Path.GetFileName(path), DayFormat, out var day) ? day : (DateOnly?)null)
            .Max();
    }

    /// <summary>Customers whose call was answered, as all leaders so far have noted.</summary>
    public IReadOnlySet<int> Called(DateOnly day)
    {
        var called = new HashSet<int>();
        if (!Directory.Exists(PathOf(day)))
            return called;
        foreach (var file in Directory.EnumerateFiles(PathOf(day), "*.called"))
        {
            // Its writer may have died in the middle of a line, or be about to complete it.
            using var stream = new FileStream(file, FileMode.Open, FileAccess.Read, FileShare.ReadWrite);
            using var reader = new StreamReader(stream);
            var text = reader.ReadToEnd();
            foreach (var line in text[..(text.LastIndexOf('\n') + 1)].Split('\n', StringSplitOptions.RemoveEmptyEntries))
                called.Add(int.Parse(line, CultureInfo.InvariantCulture));
        }

        return called;
    }

    /// <summary>Begins, or goes on with, a day's campaign.</summary>
    public CampaignNotes Begin(DateOnly day, FencingToken token)
    {
        Directory.CreateDirectory(PathOf(day));
        return new CampaignNotes(Path.Combine(PathOf(day), $"{token}.called"));
    }

    private string PathOf(DateOnly day) => Path.Combine(directory, day.ToString(DayFormat, CultureInfo.InvariantCulture));
}

/// <summary>What one leadership notes. Thread-safe.</summary>
internal sealed class CampaignNotes(string path) : IDisposable
{
    private readonly Lock _gate = new();
    private readonly FileStream _file = new(path, FileMode.Append, FileAccess.Write, FileShare.Read, bufferSize: 0);

    /// <summary>Notes it where it survives this process.</summary>
    public void Called(int customer)
    {
        var line = System.Text.Encoding.ASCII.GetBytes(string.Create(CultureInfo.InvariantCulture, $"{customer}\n"));
        lock (_gate)
            _file.Write(line);
    }

    public void Dispose() => _file.Dispose();
}
