using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;

namespace Conclave.Orchestration.Model;

/// <summary>Hashes that stay the same across processes, versions of .NET and machines: 16 hexadecimal digits of SHA-256.</summary>
public static class ContentHash
{
    /// <summary>What a running instance was started with: see <see cref="ServiceSpec.Hash"/>.</summary>
    public static string Of(ServiceSpec service)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        Add(hash, service.Command.Length);
        foreach (var argument in service.Command)
            Add(hash, argument);
        Add(hash, service.Directory);
        Add(hash, service.Environment.Count);
        foreach (var (name, value) in service.Environment.OrderBy(pair => pair.Key, StringComparer.Ordinal))
        {
            Add(hash, name);
            Add(hash, value);
        }

        return Text(hash.GetHashAndReset());
    }

    /// <summary>Everything that a file asks for, the hash itself left out.</summary>
    public static string Of(ClusterSpec spec) =>
        Text(SHA256.HashData(JsonSerializer.SerializeToUtf8Bytes(spec with { FileHash = "" }, ModelJson.Default.ClusterSpec)));

    // Every piece is preceded by its length, so that ["ab", "c"] and ["a", "bc"] differ.
    private static void Add(IncrementalHash hash, string text)
    {
        var bytes = Encoding.UTF8.GetBytes(text);
        Add(hash, bytes.Length);
        hash.AppendData(bytes);
    }

    private static void Add(IncrementalHash hash, int number)
    {
        Span<byte> bytes = stackalloc byte[4];
        BinaryPrimitives.WriteInt32LittleEndian(bytes, number);
        hash.AppendData(bytes);
    }

    private static string Text(byte[] hash) => Convert.ToHexStringLower(hash.AsSpan(0, 8));
}
