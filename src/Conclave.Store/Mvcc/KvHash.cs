using System.Buffers.Binary;
using System.Numerics;

namespace Conclave.Store.Mvcc;

/// <summary>
/// What HashKV answers: a CRC-32C over every version that readers from <paramref name="Compacted"/> to <paramref name="At"/> can tell apart. Equal on all
/// members that compacted at the same revision.
/// </summary>
public readonly record struct KvHash(uint Hash, Revision At, Revision Compacted);

/// <summary>Not the byte-wise CRC of a file: numbers are fed whole and byte strings padded to eight, with their length first.</summary>
internal struct KvHasher
{
    private uint _crc = uint.MaxValue;

    public KvHasher()
    {
    }

    public readonly uint Value => ~_crc;

    public void Add(KeyValue kv)
    {
        Add(kv.Key.Span);
        Add((ulong)kv.CreateRevision.Value);
        Add((ulong)kv.ModRevision.Value);
        Add((ulong)kv.Version);
        Add(unchecked((ulong)kv.Lease.Value));
        Add(kv.Value.Span);
    }

    private void Add(ulong number) => _crc = BitOperations.Crc32C(_crc, number);

    private void Add(ReadOnlySpan<byte> bytes)
    {
        Add((ulong)bytes.Length);
        for (; bytes.Length >= 8; bytes = bytes[8..])
            Add(BinaryPrimitives.ReadUInt64LittleEndian(bytes));
        if (bytes.IsEmpty)
            return;
        Span<byte> last = stackalloc byte[8];
        last.Clear();
        bytes.CopyTo(last);
        Add(BinaryPrimitives.ReadUInt64LittleEndian(last));
    }
}
