using System.Globalization;
using System.Text;
using Conclave.Consensus;
using Conclave.Simulation.World;
using Conclave.Store;
using Conclave.Store.Mvcc;

namespace Conclave.Simulation.Clients;

/// <summary>
/// One client: one operation at a time, each through a member drawn anew, with its own patience. What it asked, when, and what it was told goes into
/// the history.
/// </summary>
internal sealed class SimulatedClient(int number, SimulatedCluster cluster, Random random)
{
    private const long PatienceMax = 2 * Agenda.Second;
    private const long ThinkMax = 12 * Agenda.Millisecond;
    private const int BigValueBytes = 1_800;

    // What it last saw of each partition, to base its swaps on.
    private readonly Pair[] _seen = new Pair[SimulatedCluster.Partitions];
    private readonly LeaseHolder _holder = new(number, cluster, random);
    private long _asked;

    /// <summary>Operations that ended well since the last reset.</summary>
    public int Done { get; set; }

    public bool Busy { get; private set; }

    public void Begin() => cluster.Agenda.After(random.NextInt64(ThinkMax), Next);

    /// <summary>The next operation, unless the day is over.</summary>
    private void Next()
    {
        Busy = false;
        if (cluster.ClientsMayStop)
            return;
        var member = cluster.AnyMember(random);
        if (!member.Up)
        {
            cluster.Agenda.After(20 * Agenda.Millisecond, Next); // refused: nothing was sent
            return;
        }

        Busy = true;
        var exchange = new Exchange(this, ++_asked);
        cluster.Agenda.After(random.NextInt64(PatienceMax / 4, PatienceMax), exchange.GiveUp);
        cluster.CountOperation();
        if (random.Next(10) == 0)
            _holder.Act(member, exchange);
        else if (random.Next(12) == 0)
            ReadSerializable(member, exchange);
        else
            Act(member, exchange);
    }

    private void Act(SimulatedMember member, Exchange exchange)
    {
        var partition = random.Next(SimulatedCluster.Partitions);
        var slot = random.Next(2);
        Step step = random.Next(100) switch
        {
            < 40 => new Step.Read(),
            < 65 => new Step.Put(slot, cluster.NextValue()),
            < 75 => new Step.Delete(slot),
            _ => new Step.Swap(slot, _seen[partition][slot], cluster.NextValue(), random.Next(2) == 0 ? cluster.NextValue() : 0),
        };
        var operation = new Operation(number, partition, step, cluster.Agenda.Now);
        cluster.History.Add(operation);
        exchange.GivenUp = () => operation.Outcome = Outcome.Unknown;
        if (step is Step.Read)
            Read(member, exchange, operation);
        else
            Write(member, exchange, operation);
    }

    private void Read(SimulatedMember member, Exchange exchange, Operation operation) => exchange.Send(() => member.Read(replica =>
    {
        var found = replica is null ? null : Values(replica.Applier.Store, operation.Partition);
        exchange.Answer(member.Leaves, () =>
        {
            if (found is not null)
                operation.Saw = See(operation.Partition, found);
            Finish(operation, found is null ? Outcome.Never : Outcome.Done);
        });
    }));

    /// <summary>From whatever a member has: it may be old, but it was true once.</summary>
    private void ReadSerializable(SimulatedMember member, Exchange exchange)
    {
        var partition = random.Next(SimulatedCluster.Partitions);
        exchange.Send(() => member.Post(replica =>
        {
            var found = Values(replica.Applier.Store, partition);
            exchange.Answer(member.Leaves, () =>
            {
                foreach (var kv in found)
                    cluster.Saw(kv);
                Done++;
            });
        }));
    }

    private void Write(SimulatedMember member, Exchange exchange, Operation operation)
    {
        var command = CommandFor(operation);
        exchange.Send(() => member.Propose(command, outcome => exchange.Answer(member.Leaves, () =>
        {
            switch (outcome)
            {
                case ProposalOutcome.Applied applied:
                    Take(operation, command, applied.Result);
                    Finish(operation, Outcome.Done);
                    break;
                case ProposalOutcome.NotLeader or ProposalOutcome.Busy or ProposalOutcome.Dropped:
                    Finish(operation, Outcome.Never);
                    break;
                default:
                    Finish(operation, Outcome.Unknown);
                    break;
            }
        })));
    }

    private void Finish(Operation operation, Outcome outcome)
    {
        operation.Outcome = outcome;
        if (outcome == Outcome.Done)
        {
            operation.Responded = cluster.Agenda.Now;
            Done++;
        }

        cluster.Trace.Say($"{operation}");
    }

    private static Command CommandFor(Operation operation)
    {
        var partition = operation.Partition;
        switch (operation.Step)
        {
            case Step.Put put:
                return new Command.Put(Key(partition, put.Slot), Value(put.Value), LeaseId.None);
            case Step.Delete delete:
                return new Command.DeleteRange(KeyRange.One(Key(partition, delete.Slot)), PrevKv: true);
            case Step.Swap swap:
                var key = Key(partition, swap.Slot);
                var compare = swap.Expected == 0
                    ? new Compare(KeyRange.One(key), CompareTarget.Create, CompareRelation.Equal, 0, default)
                    : new Compare(KeyRange.One(key), CompareTarget.Value, CompareRelation.Equal, 0, Value(swap.Expected));
                List<Command.Op> success = [new Command.Put(key, Value(swap.Value), LeaseId.None)];
                if (swap.Other != 0)
                    success.Add(new Command.Put(Key(partition, 1 - swap.Slot), Value(swap.Other), LeaseId.None));
                return new Command.Txn([compare], success, [new Command.Range(new RangeQuery(Both(partition)))]);
            default:
                throw new System.Diagnostics.UnreachableException();
        }
    }

    private void Take(Operation operation, Command command, CommandResult result)
    {
        var partition = operation.Partition;
        switch (result)
        {
            case CommandResult.Put:
                cluster.Acknowledge(result.Revision, (Command.Put)command);
                break;
            case CommandResult.DeleteRange delete:
                var slot = ((Step.Delete)operation.Step).Slot;
                operation.Saw = default(Pair).With(slot, delete.Previous is [var previous] ? Number(previous.Value) : 0);
                cluster.AcknowledgeDelete(result.Revision, Key(partition, slot));
                break;
            case CommandResult.Txn { Succeeded: true }:
                operation.Swapped = true;
                foreach (var put in ((Command.Txn)command).Success.Cast<Command.Put>())
                    cluster.Acknowledge(result.Revision, put);
                break;
            case CommandResult.Txn { Results: [CommandResult.Range range] }:
                operation.Saw = See(partition, range.Found.Kvs);
                break;
            default:
                throw new InvariantViolatedException("Answers", $"{command} was answered by {result}");
        }
    }

    private Pair See(int partition, IReadOnlyList<KeyValue> found)
    {
        var pair = default(Pair);
        foreach (var kv in found)
        {
            cluster.Saw(kv);
            pair = pair.With(kv.Key.Span[^1] - 'a', Number(kv.Value));
        }

        return _seen[partition] = pair;
    }

    private static IReadOnlyList<KeyValue> Values(MvccStore store, int partition)
    {
        store.Range(new RangeQuery(Both(partition)), out var found);
        return found.Kvs;
    }

    private static KeyRange Both(int partition) => KeyRange.Prefix(Encoding.UTF8.GetBytes($"p{partition}/"));

    private static byte[] Key(int partition, int slot) => Encoding.UTF8.GetBytes($"p{partition}/{(char)('a' + slot)}");

    /// <summary>The same bytes for the same number; now and then many, so that writes span sectors.</summary>
    private static byte[] Value(int value)
    {
        var bytes = new byte[sizeof(int) + (value % 5 == 0 ? BigValueBytes : value % 40)];
        System.Buffers.Binary.BinaryPrimitives.WriteInt32LittleEndian(bytes, value);
        bytes.AsSpan(sizeof(int)).Fill((byte)value);
        return bytes;
    }

    private static int Number(ReadOnlyMemory<byte> value) => System.Buffers.Binary.BinaryPrimitives.ReadInt32LittleEndian(value.Span);

    /// <summary>A request and its answer, over a connection that may break and with a patience that may end.</summary>
    internal sealed class Exchange(SimulatedClient client, long asked)
    {
        private bool _over;

        /// <summary>No answer came in time; what was asked may happen yet.</summary>
        public Action? GivenUp { get; set; }

        public void Send(Action arrive) => client.Cluster.Agenda.After(client.Latency(), arrive);

        public void Answer(long leaves, Action take) => client.Cluster.Agenda.At(leaves + client.Latency(), () =>
        {
            if (_over)
                return;
            _over = true;
            take();
            client.Cluster.Agenda.After(client.Think(), client.Next);
        });

        public void GiveUp()
        {
            if (_over)
                return;
            _over = true;
            client.Cluster.Trace.Say(string.Create(CultureInfo.InvariantCulture, $"client {client.Name} gives up on {asked}"));
            GivenUp?.Invoke();
            client.Next();
        }
    }

    private SimulatedCluster Cluster => cluster;

    private int Name => number;

    private long Latency() => random.NextInt64(50, 2_000);

    private long Think() => random.NextInt64(ThinkMax);
}
