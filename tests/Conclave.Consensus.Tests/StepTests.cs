using System.Reflection;
using System.Runtime.CompilerServices;
using Conclave.Consensus.Raft;
using Conclave.Consensus.Tests.Harness;

namespace Conclave.Consensus.Tests;

/// <summary>The sets of messages are closed: a new kind that nobody handles is noticed here.</summary>
public sealed class StepTests
{
    public static TheoryData<Type> Kinds()
    {
        var kinds = new TheoryData<Type>();
        foreach (var kind in typeof(RaftMessage).GetNestedTypes())
            kinds.Add(kind);
        return kinds;
    }

    [Theory]
    [MemberData(nameof(Kinds))]
    public void Every_message_is_understood_in_every_role_and_term(Type kind)
    {
        foreach (var role in Enum.GetValues<Role>())
        {
            foreach (var term in new ulong[] { 0, 1, 2, 3, 9 })
            {
                var cluster = TestCluster.WithRole(role);
                var node = cluster.Node(1);

                // Only one peer leads a term: what leaders say in their own term comes from the one that leads it.
                var fromLeader = kind == typeof(RaftMessage.AppendEntries) || kind == typeof(RaftMessage.Heartbeat) || kind == typeof(RaftMessage.InstallSnapshot);
                if (fromLeader && role == Role.Leader && term == node.Term.Value)
                    continue;
                var before = node.Term;
                node.Step(node.Leader is { } leader && leader != node.Id ? leader : new PeerId(2), Make(kind, new Term(term)));
                Assert.True(node.Term >= before);
                if (node.HasReady)
                    node.Persisted(node.TakeReady());
                Assert.Contains(cluster.Peers, peer => peer.Up);
            }
        }
    }

    private static RaftMessage Make(Type kind, Term term)
    {
        var constructor = kind.GetConstructors(BindingFlags.Public | BindingFlags.Instance).Single(each => each.GetParameters().Length > 0 && each.GetParameters()[0].ParameterType != kind);
        var arguments = constructor.GetParameters().Select(Argument).ToArray();
        var message = (RaftMessage)constructor.Invoke(arguments);
        typeof(RaftMessage).GetProperty(nameof(RaftMessage.Term))!.SetValue(message, term);
        return message;
    }

    private static object? Argument(ParameterInfo parameter)
    {
        var type = parameter.ParameterType;
        if (type == typeof(IReadOnlyList<Entry>))
            return Array.Empty<Entry>();
        if (type == typeof(IReadOnlyList<ReadOnlyMemory<byte>>))
            return new ReadOnlyMemory<byte>[] { "x"u8.ToArray() };
        if (type == typeof(SnapshotMark))
            return new SnapshotMark(new EntryId(new Term(1), new LogIndex(9)), new Membership([new(1), new(2), new(3)]));
        return type.IsValueType ? RuntimeHelpers.GetUninitializedObject(type) : throw new InvalidOperationException($"No example of {type}.");
    }
}
