using System.Globalization;

namespace Conclave.Simulation.World;

/// <summary>What happened, a line each. The last ones are kept; all of them are in the hash by which two runs of one seed are compared.</summary>
internal sealed class Trace(Agenda agenda)
{
    private const int LinesKept = 4_000;
    private const ulong HashStart = 14_695_981_039_346_656_037;
    private const ulong HashPrime = 1_099_511_628_211;
    private readonly Queue<string> _lines = new();

    /// <summary>FNV-1a over every line.</summary>
    public ulong Hash { get; private set; } = HashStart;

    public IReadOnlyCollection<string> Lines => _lines;

    public void Say(string line)
    {
        var stamped = string.Create(CultureInfo.InvariantCulture, $"{agenda.Now / 1e6,11:F6} {line}");
        foreach (var c in stamped)
            Hash = (Hash ^ c) * HashPrime;
        if (_lines.Count == LinesKept)
            _lines.Dequeue();
        _lines.Enqueue(stamped);
    }
}
