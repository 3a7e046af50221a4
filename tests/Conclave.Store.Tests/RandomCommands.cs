using Conclave.Store.Mvcc;

namespace Conclave.Store.Tests;

/// <summary>Commands over few keys, so that they meet often. Only such as the gate lets through.</summary>
internal sealed class RandomCommands(int seed)
{
    private static readonly StoreLimits Limits = new();
    private readonly Random _random = new(seed);

    public Random Random => _random;

    public Command Next(long current, long compacted)
    {
        while (true)
        {
            var command = Draw(current, compacted);
            if (CommandGate.Check(command, Limits) == StoreError.None)
                return command;
        }
    }

    public RangeQuery Query(long current, long compacted) => new(Keys())
    {
        Revision = new Revision(_random.Next(2) == 0 ? 0 : Near(current, compacted)),
        Limit = _random.Next(3) == 0 ? _random.Next(1, 6) : 0,
        Sort = (RangeSort)_random.Next(5),
        Order = (RangeOrder)_random.Next(3),
        KeysOnly = _random.Next(5) == 0,
        CountOnly = _random.Next(8) == 0,
        MinModRevision = Bound(current),
        MaxModRevision = Bound(current),
        MinCreateRevision = Bound(current),
        MaxCreateRevision = Bound(current),
    };

    public string Key()
    {
        var length = _random.Next(1, 4);
        return string.Create(length, _random, (span, random) =>
        {
            foreach (ref var c in span)
                c = random.Next(12) switch { 0 => '\0', 1 => '\u00ff', var n => (char)('a' + (n % 3)) };
        });
    }

    public KeyRange Keys()
    {
        var (a, b) = (Key(), Key());
        if (string.CompareOrdinal(a, b) > 0 && _random.Next(10) > 0)
            (a, b) = (b, a);
        return _random.Next(6) switch
        {
            0 => Text.Keys(a, "\0"),
            1 => KeyRange.Prefix(Text.Bytes(a)),
            2 or 3 => Text.Keys(a),
            _ => Text.Keys(a, b),
        };
    }

    private Command Draw(long current, long compacted) => _random.Next(100) switch
    {
        < 45 => DrawPut(),
        < 60 => DrawDelete(),
        < 82 => DrawTxn(current, compacted, depth: 0),
        < 86 => new Command.Range(Query(current, compacted)),
        < 92 => new Command.GrantLease(new LeaseId(_random.Next(1, 8)), _random.Next(1, 100)),
        < 97 => new Command.RevokeLease(new LeaseId(_random.Next(1, 8))),
        _ => new Command.Compact(new Revision(Near(current, compacted))),
    };

    private Command.Put DrawPut()
    {
        var (ignoreValue, ignoreLease) = (_random.Next(10) == 0, _random.Next(10) == 0);
        return new Command.Put(
            Text.Bytes(Key()),
            Text.Bytes(ignoreValue ? "" : $"v{_random.Next(1000)}"),
            new LeaseId(!ignoreLease && _random.Next(4) == 0 ? _random.Next(1, 8) : 0),
            _random.Next(2) == 0,
            ignoreValue,
            ignoreLease);
    }

    private Command.DeleteRange DrawDelete() => new(Keys(), _random.Next(2) == 0);

    private Command.Txn DrawTxn(long current, long compacted, int depth) => new(
        Draw(_random.Next(3), () => DrawCompare(current)),
        Draw(_random.Next(5), () => DrawOp(current, compacted, depth)),
        Draw(_random.Next(5), () => DrawOp(current, compacted, depth)));

    private static List<T> Draw<T>(int count, Func<T> draw) => Enumerable.Range(0, count).Select(_ => draw()).ToList();

    private Command.Op DrawOp(long current, long compacted, int depth) => _random.Next(10) switch
    {
        < 4 => DrawPut(),
        < 6 => DrawDelete(),
        < 9 => new Command.Range(Query(current, compacted) with { Revision = new Revision(_random.Next(8) == 0 ? Near(current, compacted) : 0) }),
        _ => depth < 2 ? DrawTxn(current, compacted, depth + 1) : DrawPut(),
    };

    private Compare DrawCompare(long current) => new(
        _random.Next(3) == 0 ? Keys() : Text.Keys(Key()),
        (CompareTarget)_random.Next(5),
        (CompareRelation)_random.Next(4),
        _random.Next(3) == 0 ? _random.NextInt64(current + 1) : _random.Next(4),
        Text.Bytes($"v{_random.Next(1000)}"));

    private long Near(long current, long compacted) => _random.NextInt64(Math.Max(0, compacted - 3), current + 3);

    private Revision Bound(long current) => new(_random.Next(8) == 0 ? _random.NextInt64(current + 1) : 0);
}
