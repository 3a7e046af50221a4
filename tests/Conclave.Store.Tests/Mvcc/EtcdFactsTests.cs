using Conclave.Store.Mvcc;

namespace Conclave.Store.Tests.Mvcc;

/// <summary>What clients of etcd rely on, one sentence each.</summary>
public sealed class EtcdFactsTests
{
    private readonly Replayed _store = new();

    [Fact]
    public void The_store_starts_at_revision_1_and_the_first_put_makes_2()
    {
        Assert.Equal(new Revision(1), _store.Applier.Store.Current);
        Assert.Equal("@2 put -", _store.Show(Text.Put("a", "1")));
    }

    [Fact]
    public void A_delete_that_finds_nothing_leaves_the_revision_alone() => Assert.Equal("@1 deleted 0 []", _store.Show(Text.Delete("a")));

    [Fact]
    public void A_transaction_is_one_revision_and_reads_its_own_writes()
    {
        var txn = new Command.Txn([], [Text.Put("a", "1"), Text.Put("b", "2"), Text.Range("a", "\0")], []);
        Assert.Equal("@2 then {@2 put -; @2 put -; @2 [a=1(2,2,1,0) b=2(2,2,1,0)] of 2}", _store.Show(txn));
    }

    [Fact]
    public void A_transaction_that_only_reads_leaves_the_revision_alone() =>
        Assert.Equal("@1 else {@1 [] of 0}", _store.Show(new Command.Txn([Is("a", CompareTarget.Version, 1)], [], [Text.Range("a")])));

    [Fact]
    public void A_version_starts_again_after_a_deletion()
    {
        _store.Run(Text.Put("a", "1"));
        _store.Run(Text.Put("a", "2"));
        _store.Run(Text.Delete("a"));
        _store.Run(Text.Put("a", "3"));
        Assert.Equal("@5 [a=3(5,5,1,0)] of 1", _store.Show(Text.Range("a")));
        Assert.Equal("@5 [a=2(2,3,2,0)] of 1", _store.Show(Text.Range("a", revision: 3)));
        Assert.Equal("@5 [] of 0", _store.Show(Text.Range("a", revision: 4)));
    }

    [Fact]
    public void A_missing_key_has_zeros_but_fails_every_compare_of_values()
    {
        Assert.Equal("@1 then {}", _store.Show(new Command.Txn([Is("a", CompareTarget.Create, 0)], [], [])));
        var differs = new Compare(Text.Keys("a"), CompareTarget.Value, CompareRelation.NotEqual, 0, Text.Bytes("x"));
        Assert.Equal("@1 else {}", _store.Show(new Command.Txn([differs], [], [])));
    }

    [Fact]
    public void A_refused_operation_undoes_the_whole_transaction()
    {
        Assert.Equal("@1 LeaseNotFound", _store.Show(new Command.Txn([], [Text.Put("a", "1"), Text.Put("b", "1", lease: 7)], [])));
        Assert.Equal("@1 [] of 0", _store.Show(Text.Range("a")));
        Assert.Equal("@1 FutureRevision", _store.Show(new Command.Txn([], [Text.Put("a", "1"), Text.Range("a", revision: 2)], [])));
        Assert.Equal("@1 KeyNotFound", _store.Show(new Command.Put(Text.Bytes("a"), default, default, IgnoreValue: true)));
    }

    [Fact]
    public void The_compacted_revision_itself_stays_readable()
    {
        for (var i = 0; i < 4; i++)
            _store.Run(Text.Put("a", $"{i}"));
        Assert.Equal("@5 FutureRevision", _store.Show(new Command.Compact(new Revision(6))));
        Assert.Equal("@5 compacted", _store.Show(new Command.Compact(new Revision(4))));
        Assert.Equal("@5 Compacted", _store.Show(new Command.Compact(new Revision(4))));
        Assert.Equal("@5 [a=2(2,4,3,0)] of 1", _store.Show(Text.Range("a", revision: 4)));
        Assert.Equal("@5 Compacted", _store.Show(Text.Range("a", revision: 3)));
    }

    [Fact]
    public void Ignore_lease_keeps_the_lease_and_a_put_without_one_detaches()
    {
        _store.Run(new Command.GrantLease(new LeaseId(7), 10));
        _store.Run(Text.Put("a", "1", lease: 7));
        _store.Run(new Command.Put(Text.Bytes("a"), Text.Bytes("2"), default, IgnoreLease: true));
        Assert.Equal("@3 [a=2(2,3,2,7)] of 1", _store.Show(Text.Range("a")));
        _store.Run(Text.Put("a", "3"));
        Assert.Empty(_store.Applier.Leases.Find(new LeaseId(7))!.Keys);
        Assert.Equal("@4 revoked 0", _store.Show(new Command.RevokeLease(new LeaseId(7))));
    }

    [Fact]
    public void Revoking_deletes_all_attached_keys_in_one_revision()
    {
        _store.Run(new Command.GrantLease(new LeaseId(7), 10));
        _store.Run(Text.Put("b", "1", lease: 7));
        _store.Run(Text.Put("a", "1", lease: 7));
        Assert.Equal("@4 revoked 2", _store.Show(new Command.RevokeLease(new LeaseId(7))));
        Assert.Equal("@4 [] of 0", _store.Show(Text.Range("a", "\0")));
        Assert.Equal("@4 LeaseNotFound", _store.Show(Text.Put("a", "2", lease: 7)));
    }

    [Fact]
    public void Published_members_are_known_and_leave_the_revision_alone()
    {
        var member = new Conclave.Consensus.PeerId(5);
        Assert.Equal("@1 published", _store.Show(new Command.PublishMember(member, "n1", ["http://p"], ["http://c"])));
        Assert.Equal("n1", _store.Applier.Members[member].Name);
    }

    private static Compare Is(string key, CompareTarget target, long number) => new(Text.Keys(key), target, CompareRelation.Equal, number, default);
}
