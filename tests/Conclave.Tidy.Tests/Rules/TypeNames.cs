using System.Text.RegularExpressions;

namespace Conclave.Tidy.Tests.Rules;

/// <summary>A name that ends in one of these says nothing about the thing.</summary>
internal static partial class TypeNames
{
    // The kernel's own structures keep the kernel's names.
    private static readonly string[] Foreign = ["SigInfo"];

    public static IEnumerable<string> Violations(SourceTree tree) =>
        from path in tree.Under("", ".cs")
        from Match type in Declaration().Matches(tree[path])
        where Empty().IsMatch(type.Groups[1].Value) && !Foreign.Contains(type.Groups[1].Value)
        select $"{path}: the type {type.Groups[1].Value} has a name that says nothing";

    [GeneratedRegex(@"^[ \t]*(?:(?:public|internal|private|protected|file|sealed|static|abstract|partial|readonly|ref|unsafe)\s+)*(?:class|struct|interface|enum|record(?:\s+(?:class|struct))?)\s+(\w+)", RegexOptions.Multiline)]
    private static partial Regex Declaration();

    [GeneratedRegex("(?:Manager|Helpers?|Utils?|Utility|Utilities|Info|Data)$")]
    private static partial Regex Empty();
}
