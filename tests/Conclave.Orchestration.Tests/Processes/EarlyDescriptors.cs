using System.Runtime.CompilerServices;
using Microsoft.Win32.SafeHandles;

namespace Conclave.Orchestration.Tests.Processes;

/// <summary>Two files opened before any test: a child takes numbers up to 255 only, and other tests, running beside, may hold all of those.</summary>
internal static class EarlyDescriptors
{
    public static SafeFileHandle Zero { get; } = File.OpenHandle("/dev/zero");

    public static SafeFileHandle Full { get; } = File.OpenHandle("/dev/full");

#pragma warning disable CA2255 // A module initializer in a library surprises its users; a test assembly has none, and no test runs as early.
    [ModuleInitializer]
    internal static void Open() => RuntimeHelpers.RunClassConstructor(typeof(EarlyDescriptors).TypeHandle);
#pragma warning restore CA2255
}
