using System.Globalization;
using System.Text.Json;

namespace Conclave.Orchestration.Processes;

/// <summary>A record that could not be read.</summary>
/// <param name="File">The file as it was named.</param>
/// <param name="MovedTo">Where it is kept now, out of the way.</param>
/// <param name="Reason">What is wrong with it.</param>
public sealed record DamagedRecord(string File, string MovedTo, string Reason);

/// <summary>All that was found.</summary>
/// <param name="Records">By service, then number.</param>
/// <param name="Damaged">To be reported: their processes can still be found by their environment.</param>
public sealed record InstanceRecords(IReadOnlyList<InstanceRecord> Records, IReadOnlyList<DamagedRecord> Damaged);

/// <summary>
/// The instance records of one node: <c>&lt;directory&gt;/&lt;service&gt;.&lt;number&gt;.json</c>. One writer, which the lock on the node's data directory
/// sees to; readers at any time.
/// </summary>
public sealed class InstanceRecordStore
{
    private readonly string _directory;

    /// <param name="directory">Created if absent, for this user only.</param>
    public InstanceRecordStore(string directory)
    {
        _directory = Path.GetFullPath(directory);
        if (OperatingSystem.IsWindows())
            Platform.Require();
        else
            Directory.CreateDirectory(_directory, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
    }

    /// <summary>Replaces the record of this instance; on the disk when it returns.</summary>
    /// <param name="record">The new one.</param>
    /// <param name="durable">False: with the kernel when it returns, which outlives this process and not a power cut.</param>
    /// <exception cref="IOException">The disk refused; the old record stands.</exception>
    public void Write(InstanceRecord record, bool durable = true) =>
        AtomicFile.Write(PathOf(record.Service, record.Number), JsonSerializer.SerializeToUtf8Bytes(record, InstanceRecordJson.Default.InstanceRecord), durable);

    /// <summary>Forgets an instance. Nothing happens when there is no record.</summary>
    public void Delete(string service, int number)
    {
        File.Delete(PathOf(service, number));
        AtomicFile.SyncDirectory(_directory);
    }

    /// <summary>
    /// Reads every record. One that cannot be read is moved to <c>&lt;name&gt;.damaged-&lt;n&gt;</c> and named in the answer; nothing is left out in silence.
    /// </summary>
    /// <exception cref="ConclaveException">A record of a newer format; left where it is.</exception>
    public InstanceRecords ReadAll()
    {
        var records = new List<InstanceRecord>();
        var damaged = new List<DamagedRecord>();
        foreach (var file in Directory.EnumerateFiles(_directory, "*.json").Order(StringComparer.Ordinal))
        {
            try
            {
                records.Add(Read(file));
            }
            catch (Exception e) when (e is JsonException or InvalidDataException)
            {
                damaged.Add(new DamagedRecord(file, MoveAside(file), e.Message));
            }
        }

        return new InstanceRecords([.. records.OrderBy(each => each.Service, StringComparer.Ordinal).ThenBy(each => each.Number)], damaged);
    }

    /// <summary>The records of a directory that is another's: changes nothing there, and leaves out what cannot be read (damaged, newer, or just being deleted).</summary>
    public static IReadOnlyList<InstanceRecord> Peek(string directory)
    {
        var records = new List<InstanceRecord>();
        if (!Directory.Exists(directory))
            return records;
        foreach (var file in Directory.EnumerateFiles(directory, "*.json").Order(StringComparer.Ordinal))
        {
            try
            {
                if (JsonSerializer.Deserialize(File.ReadAllBytes(file), InstanceRecordJson.Default.InstanceRecord) is { V: <= InstanceRecord.Version } record)
                    records.Add(record);
            }
            catch (Exception e) when (e is JsonException or IOException)
            {
                // Its owner will say what is wrong with it.
            }
        }

        return records;
    }

    private InstanceRecord Read(string file)
    {
        var record = JsonSerializer.Deserialize(File.ReadAllBytes(file), InstanceRecordJson.Default.InstanceRecord)
            ?? throw new InvalidDataException("it says null");
        if (record.V > InstanceRecord.Version)
            throw new ConclaveException($"{file} has format {record.V}, this program reads up to {InstanceRecord.Version}; use a newer conclave");
        if (!string.Equals(PathOf(record.Service, record.Number), file, StringComparison.Ordinal))
            throw new InvalidDataException($"it is about {record.Id}, which is not its name");
        return record;
    }

    private static string MoveAside(string file)
    {
        for (var n = 1; ; n++)
        {
            var target = string.Create(CultureInfo.InvariantCulture, $"{file}.damaged-{n}");
            if (File.Exists(target))
                continue;
            File.Move(file, target);
            return target;
        }
    }

    private string PathOf(string service, int number)
    {
        if (service.Length == 0 || service[0] == '.' || service.Contains('/', StringComparison.Ordinal) || number < 0)
            throw new InvalidDataException($"'{service}/{number}' is not the name of an instance");
        return Path.Combine(_directory, string.Create(CultureInfo.InvariantCulture, $"{service}.{number}.json"));
    }
}
