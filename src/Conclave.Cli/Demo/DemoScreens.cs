using System.Diagnostics;
using System.Globalization;
using Spectre.Console;

namespace Conclave.Cli.Demo;

/// <summary>Where the demo is watched.</summary>
internal interface IDemoScreen
{
    /// <summary>Something happened.</summary>
    void Say(string what);

    /// <summary>How both lanes are; called often.</summary>
    void Show(LaneView one, LaneView other);
}

/// <summary>For a file or a pipe: a line for each thing that happened, and one for each quarter of a lane.</summary>
internal sealed class DemoLines(TextWriter writer) : IDemoScreen
{
    private const int Step = 25;

    private readonly DemoClock _clock = new();
    private readonly Dictionary<string, int> _shown = new(StringComparer.Ordinal);

    public void Say(string what) => writer.WriteLine(_clock.Stamp(what));

    public void Show(LaneView one, LaneView other)
    {
        foreach (var lane in (LaneView[])[one, other])
        {
            var step = lane.Percent / Step;
            if (step <= _shown.GetValueOrDefault(lane.Title))
                continue;
            _shown[lane.Title] = step;
            Say(lane.Line());
        }
    }
}

/// <summary>For a person: a picture that is redrawn.</summary>
internal sealed class DemoPicture(LiveDisplayContext live) : IDemoScreen
{
    private const int SaidMax = 8;
    private static readonly TimeSpan Interval = TimeSpan.FromMilliseconds(100);

    private readonly DemoClock _clock = new();
    private readonly Queue<string> _said = new();
    private long _drawn;

    public void Say(string what)
    {
        _said.Enqueue(_clock.Stamp(what));
        if (_said.Count > SaidMax)
            _said.Dequeue();
        _drawn = 0;
    }

    public void Show(LaneView one, LaneView other)
    {
        if (_drawn != 0 && Stopwatch.GetElapsedTime(_drawn) < Interval)
            return;
        _drawn = Stopwatch.GetTimestamp();
        live.UpdateTarget(LanePicture.Render(one, other, _said));
    }
}

/// <summary>Seconds since the demo began.</summary>
internal sealed class DemoClock
{
    private readonly long _began = Stopwatch.GetTimestamp();

    public string Stamp(string what) => string.Create(CultureInfo.InvariantCulture, $"{Stopwatch.GetElapsedTime(_began).TotalSeconds,5:0.0} s  {what}");
}
