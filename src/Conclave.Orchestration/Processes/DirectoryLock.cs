using System.Runtime.InteropServices;
using System.Text.Json;
using System.Text.Json.Serialization;
using Microsoft.Win32.SafeHandles;

namespace Conclave.Orchestration.Processes;

/// <summary>
/// Exclusive possession of a directory: who has it may be the node of that directory. The kernel gives it back when the holder dies, however it dies, and children
/// do not inherit it. A stopped holder keeps it.
/// </summary>
public sealed class DirectoryLock : IDisposable
{
    /// <summary>The file in the directory that is locked.</summary>
    public const string FileName = "conclave.lock";

    private readonly SafeFileHandle _file;

    private DirectoryLock(SafeFileHandle file) => _file = file;

    /// <summary>Takes the lock without waiting; null when another process holds it (<see cref="ReadHolder"/> says who).</summary>
    /// <exception cref="ConclaveException">The directory is absent or may not be written.</exception>
    public static DirectoryLock? TryAcquire(string directory)
    {
        Platform.Require();
        var path = Path.Combine(directory, FileName);
        var descriptor = Libc.Open(path, Libc.O_RDWR | Libc.O_CREAT | Libc.O_CLOEXEC, 0b110_000_000);
        if (descriptor < 0)
            throw new ConclaveException($"cannot open {path}: {Libc.ErrorText(Marshal.GetLastPInvokeError())}; check that the directory exists and belongs to this user");

        var file = new SafeFileHandle(descriptor, ownsHandle: true);
        if (Libc.Flock(descriptor, Libc.LOCK_EX | Libc.LOCK_NB) < 0)
        {
            var error = Marshal.GetLastPInvokeError();
            file.Dispose();
            return error is Libc.EAGAIN ? null : throw new ConclaveException($"cannot lock {path}: {Libc.ErrorText(error)}; the file system must support flock");
        }

        var holder = JsonSerializer.SerializeToUtf8Bytes(ProcessIdentity.Own, LockHolderJson.Default.ProcessIdentity);
        RandomAccess.SetLength(file, 0);
        RandomAccess.Write(file, holder, 0);
        return new DirectoryLock(file);
    }

    /// <summary>
    /// Who holds the lock of this directory now, checked against /proc: null when nobody does, or in the instant before a new holder has written
    /// its name. The file of a dead holder is no holder.
    /// </summary>
    public static ProcessIdentity? ReadHolder(string directory)
    {
        try
        {
            // Opened by hand: .NET's own way to open a file takes a shared flock, which the holder's lock refuses and which would refuse a new holder.
            var descriptor = Libc.Open(Path.Combine(directory, FileName), Libc.O_RDONLY | Libc.O_CLOEXEC, 0);
            if (descriptor < 0)
                return null;
            using var file = new SafeFileHandle(descriptor, ownsHandle: true);
            var text = new byte[512];
            var count = RandomAccess.Read(file, text, 0);
            var holder = JsonSerializer.Deserialize(text.AsSpan(0, count), LockHolderJson.Default.ProcessIdentity);
            return holder.IsAlive() ? holder : null;
        }
        catch (JsonException)
        {
            return null;
        }
    }

    /// <summary>Gives the lock back. The name is taken out first, so that we are not taken for the holder while we go on running.</summary>
    public void Dispose()
    {
        if (_file.IsClosed)
            return;
        RandomAccess.SetLength(_file, 0);

        // Closing is not enough: a child of this process that has not come to its exec yet has the same open file, and with it the lock.
        _ = Libc.Flock((int)_file.DangerousGetHandle(), Libc.LOCK_UN);
        _file.Dispose();
    }
}

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower)]
[JsonSerializable(typeof(ProcessIdentity))]
internal sealed partial class LockHolderJson : JsonSerializerContext;
