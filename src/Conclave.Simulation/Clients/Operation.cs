namespace Conclave.Simulation.Clients;

/// <summary>What is known of how an operation ended.</summary>
internal enum Outcome
{
    /// <summary>Under way.</summary>
    Pending,

    /// <summary>It happened between invocation and response.</summary>
    Done,

    /// <summary>It may have happened, or may yet.</summary>
    Unknown,

    /// <summary>It did not and never will.</summary>
    Never,
}

/// <summary>
/// One step on a partition of two keys, whose values are numbers written once each; 0: the key is absent. Everything but a blind put reports what it saw, so
/// that a write which nobody saw can be left out of a linearization without anyone noticing.
/// </summary>
internal abstract record Step
{
    private Step()
    {
    }

    public sealed record Read : Step;

    public sealed record Put(int Slot, int Value) : Step;

    public sealed record Delete(int Slot) : Step;

    /// <summary>When the slot holds <paramref name="Expected"/>: it gets <paramref name="Value"/> and the other slot <paramref name="Other"/> (0: is left alone).</summary>
    public sealed record Swap(int Slot, int Expected, int Value, int Other) : Step;
}

/// <summary>The two keys of a partition.</summary>
internal readonly record struct Pair(int First, int Second)
{
    public int this[int slot] => slot == 0 ? First : Second;

    public Pair With(int slot, int value) => slot == 0 ? this with { First = value } : this with { Second = value };
}

/// <summary>An operation in the history of one partition.</summary>
internal sealed class Operation(int client, int partition, Step step, long invoked)
{
    public int Client { get; } = client;

    public int Partition { get; } = partition;

    public Step Step { get; } = step;

    public long Invoked { get; } = invoked;

    public long Responded { get; set; } = long.MaxValue;

    public Outcome Outcome { get; set; }

    /// <summary>Of a swap: the condition held.</summary>
    public bool Swapped { get; set; }

    /// <summary>What a read, or a swap whose condition did not hold, saw; of a delete, what it deleted.</summary>
    public Pair Saw { get; set; }

    public override string ToString() => $"client {Client} {Step} [{Invoked}, {(Responded == long.MaxValue ? "…" : Responded)}] {Outcome}{(Step is Step.Swap ? $" swapped={Swapped}" : "")} saw {Saw.First},{Saw.Second}";
}
