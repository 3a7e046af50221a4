using System.Runtime.InteropServices;
using System.Text;

namespace Conclave.Orchestration.Processes;

/// <summary>
/// The arguments of one <c>posix_spawn</c> in native memory, which the garbage collector does not move while the child still shares it with us.
/// </summary>
internal sealed unsafe class SpawnRequest : IDisposable
{
    // glibc: 336 and 80 bytes; musl: 336 and 80. Room to spare costs nothing.
    private const int StructureSize = 1024;

    private readonly List<nint> _blocks = [];
    private readonly void* _attributes;
    private readonly void* _actions;

    public SpawnRequest(bool newSession)
    {
        _attributes = Allocate(StructureSize);
        _actions = Allocate(StructureSize);
        Check(Libc.SpawnAttributesInit(_attributes));
        Check(Libc.SpawnActionsInit(_actions));

        // .NET ignores SIGPIPE and handles others; an ignored signal would stay ignored across exec. The child starts with every signal at its
        // default and none blocked, as from a shell.
        var set = Allocate(128);
        _ = Libc.SignalSetFill(set);
        Check(Libc.SpawnAttributesSetDefaultSignals(_attributes, set));
        _ = Libc.SignalSetEmpty(set);
        Check(Libc.SpawnAttributesSetSignalMask(_attributes, set));
        var flags = Libc.POSIX_SPAWN_SETSIGDEF | Libc.POSIX_SPAWN_SETSIGMASK | (newSession ? Libc.POSIX_SPAWN_SETSID : 0);
        Check(Libc.SpawnAttributesSetFlags(_attributes, (short)flags));
    }

    /// <summary>Makes our <paramref name="descriptor"/> the child's <paramref name="target"/>; they must differ, so that close-on-exec is cleared.</summary>
    public void Duplicate(int descriptor, int target) => Check(Libc.SpawnActionsAddDuplicate(_actions, descriptor, target));

    public void CloseInChild(int descriptor) => Check(Libc.SpawnActionsAddClose(_actions, descriptor));

    public void CloseInChildFrom(int first) => Check(Libc.SpawnActionsAddCloseFrom(_actions, first));

    public void ChangeDirectory(string path) => Check(Libc.SpawnActionsAddDirectory(_actions, Text(path)));

    /// <summary>Returns 0 and the pid, or the error number; then no process is left behind.</summary>
    public int Spawn(string path, IReadOnlyList<string> arguments, IReadOnlyList<string> environment, out int pid)
    {
        var child = 0;
        var error = Libc.PosixSpawn(&child, Text(path), _actions, _attributes, Texts(arguments), Texts(environment));
        pid = child;
        return error;
    }

    public void Dispose()
    {
        _ = Libc.SpawnActionsDestroy(_actions);
        _ = Libc.SpawnAttributesDestroy(_attributes);
        foreach (var block in _blocks)
            NativeMemory.Free((void*)block);
        _blocks.Clear();
    }

    private byte** Texts(IReadOnlyList<string> values)
    {
        var array = (byte**)Allocate((values.Count + 1) * sizeof(byte*));
        for (var i = 0; i < values.Count; i++)
            array[i] = Text(values[i]);
        return array;
    }

    private byte* Text(string value)
    {
        var length = Encoding.UTF8.GetByteCount(value);
        var text = (byte*)Allocate(length + 1);
        Encoding.UTF8.GetBytes(value, new Span<byte>(text, length));
        return text;
    }

    private void* Allocate(int size)
    {
        var block = NativeMemory.AllocZeroed((nuint)size);
        _blocks.Add((nint)block);
        return block;
    }

    private static void Check(int error)
    {
        if (error != 0)
            throw new ProcessStartException(ProcessStartFailure.NoResources, $"cannot prepare a process: {Libc.ErrorText(error)}");
    }
}
