using System.Diagnostics;
using System.Text.Json.Nodes;

namespace Conclave.Cli.Tests.EndToEnd;

/// <summary><c>conclave election observe --json</c> with what it tells, line by line.</summary>
internal sealed class ObservingProgram : IDisposable
{
    private readonly Process _process;
    private readonly Task<string> _output;
    private readonly Task<string> _error;
    private readonly List<JsonNode> _lines = [];

    private ObservingProgram(string directory, IEnumerable<string> arguments)
    {
        _process = Process.Start(ConclaveProgram.Command(directory, ["election", "observe", .. arguments, "--json"]))!;
        _process.StandardInput.Close();
        _output = ConclaveProgram.ReadAsync(_process.StandardOutput, line =>
        {
            lock (_lines)
                _lines.Add(JsonNode.Parse(line)!);
        });
        _error = ConclaveProgram.ReadAsync(_process.StandardError);
    }

    /// <summary>Returns when it has told who leads now: what happens from here on it must tell.</summary>
    public static async Task<ObservingProgram> StartAsync(string directory, params IEnumerable<string> arguments)
    {
        var program = new ObservingProgram(directory, arguments);
        await Waiting.UntilAsync(
            "it observes",
            async () =>
            {
                // In this order: what a program told before its end may still be on the way when the end is known.
                if (!program._process.HasExited)
                    return program.Told > 0;
                var told = await program._output;
                return program.Told > 0 ? true : throw new InvalidOperationException($"it ended: {told}{await program._error}");
            },
            () => "it says nothing");
        return program;
    }

    /// <summary>All that it told, when it has ended by itself, and well.</summary>
    public async Task<IReadOnlyList<JsonNode>> EndAsync()
    {
        await _process.WaitForExitAsync().WaitAsync(Waiting.Deadline);
        Assert.True(_process.ExitCode == 0, $"exit code {_process.ExitCode}: {await _output}{await _error}");
        await _output;
        return _lines;
    }

    public void Dispose()
    {
        if (!_process.HasExited)
            _process.Kill();
        _process.Dispose();
    }

    private int Told
    {
        get
        {
            lock (_lines)
                return _lines.Count;
        }
    }
}
