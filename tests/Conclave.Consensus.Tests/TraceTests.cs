using System.Runtime.CompilerServices;
using Conclave.Consensus.Tests.Harness;

namespace Conclave.Consensus.Tests;

/// <summary>
/// Every file in Traces: what happens is what is written there. After an intended change run with CONCLAVE_REWRITE_TRACES=1 and
/// review the difference like code.
/// </summary>
public sealed class TraceTests
{
    public static TheoryData<string> Traces()
    {
        var traces = new TheoryData<string>();
        foreach (var path in Directory.EnumerateFiles(Path.Combine(AppContext.BaseDirectory, "Traces"), "*.txt").Order(StringComparer.Ordinal))
            traces.Add(Path.GetFileName(path));
        return traces;
    }

    [Theory]
    [MemberData(nameof(Traces))]
    public void What_happens_is_what_is_written(string trace)
    {
        var written = File.ReadAllText(Path.Combine(AppContext.BaseDirectory, "Traces", trace));
        var played = TraceScript.Play(written);
        if (Environment.GetEnvironmentVariable("CONCLAVE_REWRITE_TRACES") == "1")
        {
            File.WriteAllText(Path.Combine(Sources(), trace), played);
            return;
        }

        Assert.Equal(written, played);
    }

    private static string Sources([CallerFilePath] string here = "") => Path.Combine(Path.GetDirectoryName(here)!, "Traces");
}
