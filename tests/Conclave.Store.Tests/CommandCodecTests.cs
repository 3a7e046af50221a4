using System.Reflection;
using Conclave.Consensus;

namespace Conclave.Store.Tests;

public sealed class CommandCodecTests
{
    [Fact]
    public void Every_kind_of_command_survives_the_round_trip()
    {
        var kinds = new HashSet<Type>();
        foreach (var (id, command) in Samples(seed: 1, count: 2_000))
        {
            kinds.Add(command.GetType());
            var bytes = CommandCodec.Encode(id, command);
            var (decodedId, decoded) = CommandCodec.Decode(bytes);
            Assert.Equal(id, decodedId);
            Assert.Equal(command.GetType(), decoded.GetType());
            Assert.Equal(bytes, CommandCodec.Encode(decodedId, decoded));
        }

        var all = typeof(Command).GetNestedTypes(BindingFlags.Public).Where(type => !type.IsAbstract);
        Assert.Equal(all.OrderBy(type => type.Name), kinds.OrderBy(type => type.Name));
    }

    [Fact]
    public void Decoding_gives_back_what_was_encoded()
    {
        var put = new Command.Put(Text.Bytes("k"), Text.Bytes("v"), new LeaseId(-5), PrevKv: true, IgnoreLease: true);
        var (_, decoded) = CommandCodec.Decode(CommandCodec.Encode(default, put));
        var back = Assert.IsType<Command.Put>(decoded);
        Assert.Equal(("k", "v", -5L, true, false, true), (Text.Of(back.Key), Text.Of(back.Value), back.Lease.Value, back.PrevKv, back.IgnoreValue, back.IgnoreLease));
        var publish = new Command.PublishMember(new PeerId(ulong.MaxValue), "nø", ["a", "b"], []);
        Assert.Equivalent(publish, CommandCodec.Decode(CommandCodec.Encode(default, publish)).Command, strict: true);
    }

    [Fact]
    public void Every_cut_is_refused()
    {
        foreach (var (id, command) in Samples(seed: 2, count: 300))
        {
            var bytes = CommandCodec.Encode(id, command);
            for (var length = 0; length < bytes.Length; length++)
                Assert.Throws<CommandFormatException>(() => CommandCodec.Decode(bytes.AsMemory(0, length)));
            Assert.Throws<CommandFormatException>(() => CommandCodec.Decode(new byte[bytes.Length + 1].Select((_, i) => i < bytes.Length ? bytes[i] : (byte)0).ToArray()));
        }
    }

    /// <summary>Whatever the bytes: one typed refusal, or a command whose encoding is these very bytes.</summary>
    [Fact]
    public void Damaged_bytes_are_refused_or_mean_exactly_what_they_say()
    {
        var random = new Random(3);
        var refused = 0;
        foreach (var (id, command) in Samples(seed: 3, count: 20_000))
        {
            var bytes = CommandCodec.Encode(id, command);
            for (var flips = random.Next(1, 4); flips > 0; flips--)
                bytes[random.Next(bytes.Length)] = (byte)random.Next(256);
            try
            {
                var (decodedId, decoded) = CommandCodec.Decode(bytes);
                Assert.Equal(bytes, CommandCodec.Encode(decodedId, decoded));
            }
            catch (CommandFormatException)
            {
                refused++;
            }
        }

        Assert.InRange(refused, 2_000, 19_000);
    }

    [Fact]
    public void An_unknown_version_is_refused_by_name()
    {
        var bytes = CommandCodec.Encode(default, Text.Put("a", "b"));
        bytes[0] = 2;
        Assert.Contains("version 2", Assert.Throws<CommandFormatException>(() => CommandCodec.Decode(bytes)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Nesting_has_an_end()
    {
        Command.Op op = Text.Range("a");
        for (var depth = 0; depth < CommandCodec.TxnDepthMax; depth++)
            op = new Command.Txn([], [op], []);
        CommandCodec.Decode(CommandCodec.Encode(default, op));
        Assert.Throws<ArgumentException>(() => CommandCodec.Encode(default, new Command.Txn([], [op], [])));
    }

    private static IEnumerable<(RequestId Id, Command Command)> Samples(int seed, int count)
    {
        var draw = new RandomCommands(seed);
        for (var i = 0; i < count; i++)
        {
            var id = new RequestId(new PeerId((ulong)draw.Random.NextInt64(long.MinValue, long.MaxValue)), (ulong)draw.Random.NextInt64());
            yield return (id, i % 20 == 0 ? new Command.PublishMember(new PeerId((ulong)i), draw.Key(), [draw.Key()], [draw.Key(), ""]) : draw.Next(1000, 10));
        }
    }
}
