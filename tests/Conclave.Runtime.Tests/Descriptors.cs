using System.Globalization;
using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace Conclave.Runtime.Tests;

/// <summary>Second descriptors of what this process has open, such as a child of it has. Linux.</summary>
internal static partial class Descriptors
{
    /// <summary>What a forked child has of this file until its exec, closed with the result.</summary>
    public static SafeFileHandle InheritedOf(string path)
    {
        var open = Directory.EnumerateFileSystemEntries("/proc/self/fd").Single(descriptor => new FileInfo(descriptor).LinkTarget == path);
        return new SafeFileHandle(Duplicate(int.Parse(Path.GetFileName(open), CultureInfo.InvariantCulture)), ownsHandle: true);
    }

    [LibraryImport("libc", EntryPoint = "dup", SetLastError = true)]
    public static partial int Duplicate(int descriptor);
}
