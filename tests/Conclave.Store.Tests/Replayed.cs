using Conclave.Consensus;
using Conclave.Consensus.Raft;
using Conclave.Store.Leases;
using Conclave.Store.Watch;

namespace Conclave.Store.Tests;

/// <summary>An applier with a log of its own: commands in, results out, through the real encoding.</summary>
internal sealed class Replayed(LeaseOptions? leases = null, WatchOptions? watches = null)
{
    public Applier Applier { get; } = new(leases ?? new LeaseOptions(), watches ?? new WatchOptions());

    public List<Entry> Log { get; } = [];

    public CommandResult Run(Command command)
    {
        var data = CommandCodec.Encode(new RequestId(new PeerId(1), (ulong)Log.Count), command);
        var entry = new Entry(new EntryId(new Term(1), Applier.Applied.Index.Next), EntryKind.Command, data);
        Log.Add(entry);
        var result = Applier.Apply(entry);
        Assert.NotNull(result);
        return result.Value.Result;
    }

    public string Show(Command command) => Text.Show(Run(command));
}
