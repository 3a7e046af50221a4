using System.Buffers;
using System.Diagnostics;
using System.Globalization;
using System.Text;
using System.Text.Unicode;

namespace Conclave.Orchestration.Gateway;

/// <summary>One request in the access log. <paramref name="Instance"/> is null when none was tried.</summary>
internal readonly record struct AccessLine(string Method, string Path, int Status, string? Instance, int Tries, TimeSpan Took)
{
    /// <summary>The longest line, in bytes: a method, a path and a name at their longest, every character of the path escaped.</summary>
    public const int BytesMax = 256 + (MethodCharsMax * 3) + (PathCharsMax * EscapedBytes) + (InstanceCharsMax * 3);

    private const int MethodCharsMax = 64;
    private const int PathCharsMax = 4_096;
    private const int InstanceCharsMax = 256;
    private const int EscapedBytes = 6;

    /// <summary>A path comes decoded, with whatever a client put in it: no line breaks or quotes into the file.</summary>
    private static readonly SearchValues<char> Escaped = SearchValues.Create(
        [.. Enumerable.Range(0, ' ').Select(c => (char)c), '"', '\\', '\u007f']);

    public DateTime EndedUtc { get; } = DateTime.UtcNow;

    /// <summary>
    /// <c>time method "path" status instance tries milliseconds</c> in UTF-8, with a line feed. What is longer than anybody's method, path or name is cut.
    /// </summary>
    /// <param name="to">At least <see cref="BytesMax"/> long.</param>
    /// <returns>The bytes written.</returns>
    public int Format(Span<byte> to)
    {
        var fits = Utf8.TryWrite(to, CultureInfo.InvariantCulture, $"{EndedUtc:yyyy-MM-ddTHH:mm:ss.fffZ} {Cut(Method, MethodCharsMax)} \"", out var head);
        var at = head + FormatPath(to[head..]);
        fits &= Utf8.TryWrite(
            to[at..], CultureInfo.InvariantCulture, $"\" {Status} {Cut(Instance ?? "-", InstanceCharsMax)} {Tries} {Took.TotalMilliseconds:F3}\n", out var tail);
        Debug.Assert(fits);
        return at + tail;
    }

    private int FormatPath(Span<byte> to)
    {
        var path = Cut(Path, PathCharsMax);
        var at = 0;
        while (!path.IsEmpty)
        {
            var plain = path.IndexOfAny(Escaped) is var next and >= 0 ? next : path.Length;
            at += Encoding.UTF8.GetBytes(path[..plain], to[at..]);
            if (plain < path.Length)
            {
                Utf8.TryWrite(to[at..], CultureInfo.InvariantCulture, $"\\u{(int)path[plain++]:x4}", out var written);
                at += written;
            }

            path = path[plain..];
        }

        return at;
    }

    private static ReadOnlySpan<char> Cut(string text, int max) => text.AsSpan(0, Math.Min(text.Length, max));
}
