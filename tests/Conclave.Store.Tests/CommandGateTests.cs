namespace Conclave.Store.Tests;

public sealed class CommandGateTests
{
    private static readonly StoreLimits Limits = new();

    [Fact]
    public void Keys_must_be_given()
    {
        Assert.Equal(StoreError.KeyNotProvided, Check(Text.Put("", "v")));
        Assert.Equal(StoreError.KeyNotProvided, Check(Text.Range("", "z")));
        Assert.Equal(StoreError.KeyNotProvided, Check(Text.Delete("")));
        Assert.Equal(StoreError.KeyNotProvided, Check(Then(Then(Text.Put("", "v")))));
        Assert.Equal(StoreError.KeyNotProvided, Check(new Command.Txn([new Compare(Text.Keys(""), CompareTarget.Mod, CompareRelation.Equal, 0, default)], [], [])));
    }

    [Fact]
    public void What_shall_be_kept_is_not_given()
    {
        Assert.Equal(StoreError.ValueProvided, Check(Text.Put("a", "v") with { IgnoreValue = true }));
        Assert.Equal(StoreError.LeaseProvided, Check(Text.Put("a", "v", lease: 1) with { IgnoreLease = true }));
    }

    [Fact]
    public void Branches_are_bounded()
    {
        var many = Enumerable.Range(0, 129).Select(i => (Command.Op)Text.Range($"{i}")).ToList();
        Assert.Equal(StoreError.None, Check(new Command.Txn([], many[1..], many[1..])));
        Assert.Equal(StoreError.TooManyOps, Check(new Command.Txn([], many, [])));
        Assert.Equal(StoreError.TooManyOps, Check(new Command.Txn([], [], many)));
        Assert.Equal(StoreError.TooManyOps, Check(Then(new Command.Txn([], many, []))));
        Command.Op deep = Text.Range("a");
        for (var i = 0; i < 9; i++)
            deep = Then(deep);
        Assert.Equal(StoreError.TxnTooDeep, Check(deep));
    }

    [Fact]
    public void Writes_of_one_branch_may_not_meet()
    {
        Assert.Equal(StoreError.DuplicateKey, Check(Then(Text.Put("a", "1"), Text.Put("a", "2"))));
        Assert.Equal(StoreError.DuplicateKey, Check(Then(Text.Put("b", "1"), Text.Delete("a", "c"))));
        Assert.Equal(StoreError.DuplicateKey, Check(Then(Text.Delete("a", "\0"), Text.Put("b", "1"))));
        Assert.Equal(StoreError.DuplicateKey, Check(Then(Text.Put("a", "1"), Then(Text.Put("a", "2")))));
        Assert.Equal(StoreError.DuplicateKey, Check(Then(new Command.Txn([], [], [Text.Delete("a", "c")]), Text.Put("b", "2"))));
        Assert.Equal(StoreError.DuplicateKey, Check(new Command.Txn([], [], [Text.Put("a", "1"), Text.Put("a", "2")])));
    }

    [Fact]
    public void Writes_that_cannot_both_happen_may_meet()
    {
        Assert.Equal(StoreError.None, Check(new Command.Txn([], [Text.Put("a", "1")], [Text.Put("a", "2")])));
        Assert.Equal(StoreError.None, Check(Then(new Command.Txn([], [Text.Put("a", "1")], [Text.Delete("a")]))));
        Assert.Equal(StoreError.None, Check(Then(Text.Delete("a", "c"), Text.Delete("b", "d"), Text.Put("d", "1"))));
    }

    [Fact]
    public void Lease_times_are_bounded()
    {
        Assert.Equal(StoreError.LeaseTtlTooLarge, Check(new Command.GrantLease(new LeaseId(1), 9_000_000_001)));
        Assert.Equal(StoreError.None, Check(new Command.GrantLease(new LeaseId(1), 9_000_000_000)));
        Assert.Equal(2, CommandGate.RaiseTtl(1, Limits));
        Assert.Equal(60, CommandGate.RaiseTtl(60, Limits));
    }

    private static StoreError Check(Command command) => CommandGate.Check(command, Limits);

    private static Command.Txn Then(params Command.Op[] ops) => new([], ops, []);
}
