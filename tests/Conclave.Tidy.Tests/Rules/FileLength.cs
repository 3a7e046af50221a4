namespace Conclave.Tidy.Tests.Rules;

/// <summary>One file, one idea; an idea of more lines than this has a seam somewhere.</summary>
internal static class FileLength
{
    public const int LinesMax = 600;

    public static IEnumerable<string> Violations(SourceTree tree) =>
        from path in tree.Under("src/", ".cs")
        let lines = tree[path].Count(letter => letter == '\n')
        where lines > LinesMax
        select $"{path}: {lines} lines, more than {LinesMax}";
}
