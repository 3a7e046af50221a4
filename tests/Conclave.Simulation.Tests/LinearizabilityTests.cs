using Conclave.Simulation.Clients;
using Conclave.Simulation.Invariants;

namespace Conclave.Simulation.Tests;

/// <summary>The checker itself, on histories written by hand.</summary>
public sealed class LinearizabilityTests
{
    [Fact]
    public void Operations_that_overlap_may_be_ordered_either_way() => Check(
        Verdict.Linearizable,
        Put(0, 1, 0, 10),
        Put(0, 2, 0, 10),
        Read(1, 0, 11, 12));

    [Fact]
    public void A_read_that_misses_a_write_answered_before_it_is_found() => Check(
        Verdict.Broken,
        Put(0, 1, 0, 10),
        Read(0, 0, 11, 12));

    [Fact]
    public void Two_reads_that_see_two_writes_in_different_orders_are_found() => Check(
        Verdict.Broken,
        Put(0, 1, 0, 100),
        Put(0, 2, 0, 100),
        Read(1, 0, 10, 20),
        Read(2, 0, 30, 40),
        Read(1, 0, 50, 60));

    [Fact]
    public void A_write_of_unknown_end_may_take_effect_late_or_never()
    {
        var late = Unknown(new Step.Put(0, 1), 0);
        Check(Verdict.Linearizable, late, Read(0, 0, 10, 20), Read(1, 0, 30, 40));
        Check(Verdict.Linearizable, Unknown(new Step.Put(0, 1), 0), Read(0, 0, 10, 20), Read(0, 0, 30, 40));
    }

    [Fact]
    public void A_write_of_unknown_end_does_not_happen_twice() => Check(
        Verdict.Broken,
        Unknown(new Step.Put(0, 1), 0),
        Read(1, 0, 10, 20),
        Put(0, 2, 30, 40),
        Read(2, 0, 50, 60),
        Read(1, 0, 70, 80));

    [Fact]
    public void A_write_that_was_refused_is_never_seen()
    {
        var refused = new Operation(1, 0, new Step.Put(0, 1), 0) { Outcome = Outcome.Never };
        Check(Verdict.Broken, refused, Read(1, 0, 10, 20));
    }

    [Fact]
    public void A_delete_of_unknown_end_may_have_happened()
    {
        Check(Verdict.Linearizable, Put(0, 1, 0, 5), Unknown(new Step.Delete(0), 6), Read(0, 0, 10, 20));
        Check(Verdict.Linearizable, Put(0, 1, 0, 5), Unknown(new Step.Delete(0), 6), Read(1, 0, 10, 20));
        Check(Verdict.Broken, Put(0, 1, 0, 5), Unknown(new Step.Delete(0), 6), Read(0, 0, 10, 20), Read(1, 0, 30, 40));
    }

    [Fact]
    public void Both_keys_of_a_swap_change_at_once()
    {
        var swap = new Operation(1, 0, new Step.Swap(0, 0, 1, 2), 0) { Outcome = Outcome.Done, Swapped = true, Responded = 100 };
        Check(Verdict.Linearizable, swap, Read(0, 0, 10, 20), Read(1, 2, 30, 40));
        Check(Verdict.Broken, swap, Read(1, 0, 10, 20));
    }

    [Fact]
    public void Two_swaps_that_expect_one_value_do_not_both_succeed() => Check(
        Verdict.Broken,
        new Operation(1, 0, new Step.Swap(0, 0, 1, 0), 0) { Outcome = Outcome.Done, Swapped = true, Responded = 10 },
        new Operation(2, 0, new Step.Swap(0, 0, 2, 0), 0) { Outcome = Outcome.Done, Swapped = true, Responded = 10 });

    [Fact]
    public void What_cannot_be_decided_within_the_bound_is_said_to_be_undecided() =>
        Assert.Equal(Verdict.Undecided, Linearizability.Check([Put(0, 1, 0, 10), Read(1, 0, 11, 12)], stepsMax: 1));

    private static void Check(Verdict expected, params Operation[] history) => Assert.Equal(expected, Linearizability.Check(history));

    private static Operation Put(int slot, int value, long from, long to) => new(1, 0, new Step.Put(slot, value), from) { Outcome = Outcome.Done, Responded = to };

    private static Operation Read(int first, int second, long from, long to) => new(2, 0, new Step.Read(), from) { Outcome = Outcome.Done, Saw = new Pair(first, second), Responded = to };

    private static Operation Unknown(Step step, long from) => new(3, 0, step, from) { Outcome = Outcome.Unknown };
}
