using Conclave.Wire.Etcd;
using Google.Protobuf;

namespace Conclave.Etcd.Tests;

public sealed class CandidateListTests
{
    [Fact]
    public void Nobody_leads_an_empty_list() => Assert.Null(new CandidateList([]).Leader);

    [Fact]
    public void The_smallest_create_revision_leads_whatever_the_order_of_keys()
    {
        var list = new CandidateList([Key("e/a", 9), Key("e/b", 4), Key("e/c", 7)]);
        Assert.Equal(new Leader("e/b@4", new FencingToken(4)), list.Leader);
    }

    [Fact]
    public void The_next_leads_when_the_first_is_deleted()
    {
        var list = new CandidateList([Key("e/a", 4), Key("e/b", 7)]);
        list.Apply(Deleted("e/a"));
        Assert.Equal(7, list.Leader!.FencingToken.Value);
        list.Apply(Deleted("e/b"));
        Assert.Null(list.Leader);
    }

    [Fact]
    public void A_key_written_again_keeps_its_place_and_has_its_new_value()
    {
        var list = new CandidateList([Key("e/a", 4), Key("e/b", 7)]);
        var written = Key("e/a", 4);
        written.Value = ByteString.CopyFromUtf8("elsewhere");
        list.Apply(new Event { Type = Event.Types.EventType.Put, Kv = written });
        Assert.Equal(new Leader("elsewhere", new FencingToken(4)), list.Leader);
    }

    [Fact]
    public void A_key_deleted_and_created_again_goes_to_the_end_of_the_line()
    {
        var list = new CandidateList([Key("e/a", 4), Key("e/b", 7)]);
        list.Apply(Deleted("e/a"));
        list.Apply(new Event { Type = Event.Types.EventType.Put, Kv = Key("e/a", 12) });
        Assert.Equal(7, list.Leader!.FencingToken.Value);
    }

    [Fact]
    public void Keys_of_one_transaction_are_told_apart_by_name()
    {
        var list = new CandidateList([Key("e/b", 4), Key("e/a", 4)]);
        Assert.Equal("e/a@4", list.Leader!.Value);
        list.Apply(Deleted("e/a"));
        Assert.Equal("e/b@4", list.Leader!.Value);
    }

    private static KeyValue Key(string key, long created) => new()
    {
        Key = ByteString.CopyFromUtf8(key),
        Value = ByteString.CopyFromUtf8($"{key}@{created}"),
        CreateRevision = created,
    };

    private static Event Deleted(string key) => new() { Type = Event.Types.EventType.Delete, Kv = new KeyValue { Key = ByteString.CopyFromUtf8(key) } };
}
