using System.Text;

namespace Conclave.Cli;

/// <summary>The end of one growing log file. The file is kept within its size by taking blocks from its front, so it can become shorter while
/// it grows; then reading goes on at its new end.</summary>
internal sealed class LogTail(string path, string prefix)
{
    private const int BlockBytes = 64 << 10;

    // A line longer than this is printed in pieces.
    private const int LineBytesMax = 1 << 20;

    private readonly List<byte> _line = [];
    private long _offset;

    /// <summary>Prints the last lines; a last one without its end is kept until it is whole, unless nobody will read on.</summary>
    public void PrintLast(int lines, TextWriter output)
    {
        using var file = Open();
        if (file is null)
            return;
        _offset = StartOfLast(file, lines);
        Read(file, output);
        if (_line.Count > 0)
            Flush(output);
    }

    public void PrintNew(TextWriter output)
    {
        using var file = Open();
        if (file is null)
            return;
        if (file.Length < _offset)
        {
            // What was taken from the front cannot be told from here; going on at the end repeats nothing.
            _offset = file.Length;
            _line.Clear();
        }

        Read(file, output);
    }

    private FileStream? Open()
    {
        try
        {
            return new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete, bufferSize: 0);
        }
        catch (Exception e) when (e is FileNotFoundException or DirectoryNotFoundException)
        {
            // It has not started yet; its file appears with its first start.
            return null;
        }
    }

    private static long StartOfLast(FileStream file, int lines)
    {
        var block = new byte[BlockBytes];
        var end = file.Length;
        var found = 0;
        for (var start = end; start > 0;)
        {
            var size = (int)Math.Min(BlockBytes, start);
            start -= size;
            file.Seek(start, SeekOrigin.Begin);
            size = file.ReadAtLeast(block.AsSpan(0, size), size, throwOnEndOfStream: false);
            for (var i = size - 1; i >= 0; i--)
            {
                // The end of the last line does not begin another.
                if (block[i] == '\n' && start + i != end - 1 && ++found == lines)
                    return start + i + 1;
            }
        }

        return lines == 0 ? end : 0;
    }

    private void Read(FileStream file, TextWriter output)
    {
        file.Seek(_offset, SeekOrigin.Begin);
        var block = new byte[BlockBytes];
        for (int read; (read = file.Read(block)) > 0; _offset += read)
        {
            foreach (var value in block.AsSpan(0, read))
            {
                if (value == '\n' || _line.Count == LineBytesMax)
                    Flush(output);
                if (value is not ((byte)'\n' or 0)) // zeros are blocks that were taken away
                    _line.Add(value);
            }
        }
    }

    private void Flush(TextWriter output)
    {
        output.Write(prefix);
        output.WriteLine(Encoding.UTF8.GetString([.. _line]));
        _line.Clear();
    }
}
