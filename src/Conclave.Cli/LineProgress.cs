namespace Conclave.Cli;

/// <summary>One line per step, in the order of the steps (<see cref="Progress{T}"/> would use the thread pool and mix them up).</summary>
internal sealed class LineProgress(TextWriter writer) : IProgress<string>
{
    public void Report(string value) => writer.WriteLine(value);
}
