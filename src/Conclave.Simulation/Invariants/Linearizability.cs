using Conclave.Simulation.Clients;

namespace Conclave.Simulation.Invariants;

/// <summary>What a check came to.</summary>
internal enum Verdict
{
    /// <summary>There is an order that explains everything.</summary>
    Linearizable,

    /// <summary>There is none.</summary>
    Broken,

    /// <summary>The bound was reached before either was shown.</summary>
    Undecided,
}

/// <summary>
/// Whether one order of the operations explains what every client saw, each taking effect at one moment between its invocation and its response
/// (Herlihy and Wing; the search is Wing and Gong's with Lowe's memory of configurations). An operation of unknown end may take effect at any time after its
/// invocation, or never. Two facts keep the search small, both because values are written once: an unknown write whose value nobody saw can be
/// left out; one whose value was seen took effect before whoever saw it first was answered.
/// </summary>
internal static class Linearizability
{
    /// <summary>Steps of the search for one partition. A healthy history takes a few per operation.</summary>
    public const int StepsMax = 3_000_000;

    /// <summary>Configurations remembered for one partition.</summary>
    public const int ConfigurationsMax = 1_000_000;

    public static Verdict Check(IEnumerable<Operation> history, int stepsMax = StepsMax)
    {
        var items = Prepare(history);
        return new Search(items).Run(stepsMax);
    }

    private static List<Item> Prepare(IEnumerable<Operation> history)
    {
        var operations = history.Where(o => o.Outcome != Outcome.Never).OrderBy(o => o.Invoked).ToList();
        var firstSeen = new Dictionary<int, long>();
        foreach (var operation in operations.Where(o => o.Outcome == Outcome.Done))
        {
            foreach (var value in Seen(operation))
            {
                if (value != 0 && (!firstSeen.TryGetValue(value, out var at) || operation.Responded < at))
                    firstSeen[value] = operation.Responded;
            }
        }

        var items = new List<Item>();
        foreach (var operation in operations)
        {
            if (operation.Outcome == Outcome.Done)
                items.Add(new Item(operation, operation.Responded, Known: true));
            else if (operation.Step is Step.Delete)
                items.Add(new Item(operation, long.MaxValue, Known: false));
            else if (operation.Step is not Step.Read && Written(operation.Step).Where(firstSeen.ContainsKey).Select(v => firstSeen[v]).DefaultIfEmpty(long.MaxValue).Min() is var seen and < long.MaxValue)
                items.Add(new Item(operation, seen, Known: true));
        }

        return items;
    }

    private static IEnumerable<int> Written(Step step) => step switch
    {
        Step.Put put => [put.Value],
        Step.Swap swap => [swap.Value, swap.Other],
        _ => [],
    };

    private static IEnumerable<int> Seen(Operation operation) => operation.Step switch
    {
        Step.Read or Step.Delete => [operation.Saw.First, operation.Saw.Second],
        Step.Swap swap => operation.Swapped ? [swap.Expected] : [operation.Saw.First, operation.Saw.Second],
        _ => [],
    };

    /// <summary>The state after the operation, or null when it could not have ended as it did.</summary>
    private static Pair? Apply(Pair state, Item item)
    {
        var operation = item.Operation;
        switch (operation.Step)
        {
            case Step.Read:
                return state == operation.Saw ? state : null;
            case Step.Put put:
                return state.With(put.Slot, put.Value);
            case Step.Delete delete:
                return !item.Known || state[delete.Slot] == operation.Saw[delete.Slot] ? state.With(delete.Slot, 0) : null;
            case Step.Swap swap:
                // Of unknown end and yet here: its value was seen, so its condition held.
                var swapped = operation.Outcome == Outcome.Unknown || operation.Outcome == Outcome.Pending || operation.Swapped;
                if (!swapped)
                    return state == operation.Saw && state[swap.Slot] != swap.Expected ? state : null;
                if (state[swap.Slot] != swap.Expected)
                    return null;
                state = state.With(swap.Slot, swap.Value);
                return swap.Other == 0 ? state : state.With(1 - swap.Slot, swap.Other);
            default:
                throw new System.Diagnostics.UnreachableException();
        }
    }

    private readonly record struct Item(Operation Operation, long End, bool Known);

    /// <summary>An invocation or a response in the doubly linked list of what is not yet ordered.</summary>
    private sealed class Event(int item, bool isCall)
    {
        public int Item { get; } = item;

        public bool IsCall { get; } = isCall;

        public Event? Previous { get; set; }

        public Event? Next { get; set; }

        /// <summary>Of an invocation: its response.</summary>
        public Event? Response { get; set; }
    }

    private sealed class Search
    {
        private readonly List<Item> _items;
        private readonly Event _head = new(-1, isCall: false);
        private readonly HashSet<Configuration> _tried = [];
        private readonly Stack<(Event Call, Pair Before)> _chosen = new();
        private ulong[] _ordered;

        public Search(List<Item> items)
        {
            _items = items;
            _ordered = new ulong[(items.Count + 63) / 64];
            var events = new List<(long At, bool IsCall, int Order, Event Event)>();
            for (var i = 0; i < items.Count; i++)
            {
                var call = new Event(i, isCall: true) { Response = new Event(i, isCall: false) };
                events.Add((items[i].Operation.Invoked, true, i, call));
                events.Add((items[i].End, false, i, call.Response));
            }

            // At one moment, invocations first: what meets in time is concurrent.
            var last = _head;
            foreach (var (_, _, _, next) in events.OrderBy(e => e.At).ThenByDescending(e => e.IsCall).ThenBy(e => e.Order))
            {
                last.Next = next;
                next.Previous = last;
                last = next;
            }
        }

        public Verdict Run(int stepsMax)
        {
            var state = new Pair(0, 0);
            var at = _head.Next;
            for (var steps = 0; _head.Next is not null; steps++)
            {
                if (steps >= stepsMax || _tried.Count >= ConfigurationsMax)
                    return Verdict.Undecided;
                if (at is { IsCall: true })
                {
                    if (Apply(state, _items[at.Item]) is { } next && TryOrder(at.Item, next))
                    {
                        _chosen.Push((at, state));
                        state = next;
                        Lift(at);
                        at = _head.Next;
                    }
                    else
                    {
                        at = at.Next;
                    }

                    continue;
                }

                // A response whose operation has not been ordered: what was chosen before it was wrong.
                if (!_chosen.TryPop(out var wrong))
                    return Verdict.Broken;
                state = wrong.Before;
                _ordered[wrong.Call.Item / 64] &= ~(1UL << (wrong.Call.Item % 64));
                PutBack(wrong.Call);
                at = wrong.Call.Next;
            }

            return Verdict.Linearizable;
        }

        private bool TryOrder(int item, Pair state)
        {
            var with = (ulong[])_ordered.Clone();
            with[item / 64] |= 1UL << (item % 64);
            if (!_tried.Add(new Configuration(with, state)))
                return false;
            _ordered = (ulong[])with.Clone();
            return true;
        }

        private static void Lift(Event call)
        {
            Unlink(call);
            Unlink(call.Response!);
        }

        private static void PutBack(Event call)
        {
            Link(call.Response!);
            Link(call);
        }

        private static void Unlink(Event e)
        {
            e.Previous!.Next = e.Next;
            if (e.Next is not null)
                e.Next.Previous = e.Previous;
        }

        private static void Link(Event e)
        {
            e.Previous!.Next = e;
            if (e.Next is not null)
                e.Next.Previous = e;
        }
    }

    /// <summary>Which operations are ordered, and the state they led to.</summary>
    private readonly struct Configuration(ulong[] ordered, Pair state) : IEquatable<Configuration>
    {
        private readonly ulong[] _ordered = ordered;
        private readonly Pair _state = state;

        public bool Equals(Configuration other) => _state == other._state && _ordered.AsSpan().SequenceEqual(other._ordered);

        public override bool Equals(object? obj) => obj is Configuration other && Equals(other);

        public override int GetHashCode()
        {
            var hash = default(HashCode);
            foreach (var word in _ordered)
                hash.Add(word);
            hash.Add(_state.First);
            hash.Add(_state.Second);
            return hash.ToHashCode();
        }
    }
}
