using System.Runtime.InteropServices;

namespace Conclave.Orchestration.Tests.Gateway;

internal static partial class Libc
{
    /// <summary>A second descriptor of the same open socket, as a child process would inherit it.</summary>
    [LibraryImport("libc", EntryPoint = "dup", SetLastError = true)]
    public static partial int Duplicate(int descriptor);
}
