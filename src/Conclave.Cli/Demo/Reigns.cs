using System.Diagnostics;

namespace Conclave.Cli.Demo;

/// <summary>Who led and since when, as an observer of the election saw it. Thread-safe.</summary>
internal sealed class Reigns
{
    private readonly Lock _gate = new();
    private readonly List<(DemoLeader Leader, long Since)> _all = [];
    private DemoLeader? _now;

    /// <summary>Null: nobody.</summary>
    public DemoLeader? Now
    {
        get
        {
            lock (_gate)
                return _now;
        }
    }

    public void Add(Leader? leader)
    {
        lock (_gate)
        {
            _now = leader is null ? null : new DemoLeader(leader.Value, leader.FencingToken.Value);
            if (_now is { } now)
                _all.Add((now, Stopwatch.GetTimestamp()));
        }
    }

    /// <summary>The first leader with a higher token, and the moment (<see cref="Stopwatch"/>) it was seen; null while there is none.</summary>
    public (DemoLeader Leader, long Since)? After(long token)
    {
        lock (_gate)
        {
            foreach (var reign in _all)
            {
                if (reign.Leader.Token > token)
                    return reign;
            }

            return null;
        }
    }
}
