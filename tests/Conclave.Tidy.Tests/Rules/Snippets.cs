using System.Diagnostics;
using System.Text.RegularExpressions;

namespace Conclave.Tidy.Tests.Rules;

/// <summary>
/// C# in README and docs compiles as a reader would type it: each fence is one program, with the SDK's implicit usings, against the packages of an application.
/// </summary>
internal static partial class Snippets
{
    private const string ImplicitUsings = """
        global using System;
        global using System.Collections.Generic;
        global using System.IO;
        global using System.Linq;
        global using System.Net.Http;
        global using System.Threading;
        global using System.Threading.Tasks;
        """;

    public static IEnumerable<(string Where, string Code)> In(SourceTree tree) =>
        from path in tree.Under("", ".md")
        from Match fence in Fence().Matches(tree[path])
        let line = tree[path].AsSpan(0, fence.Index).Count('\n') + 1
        select ($"{path}:{line}", fence.Groups[1].Value);

    public static async Task<IReadOnlyList<string>> ViolationsAsync(SourceTree tree)
    {
        var violations = new List<string>();
        foreach (var (where, code) in In(tree))
            violations.AddRange((await ErrorsAsync(code)).Select(error => $"{where}: {error}"));
        return violations;
    }

    private static async Task<IReadOnlyList<string>> ErrorsAsync(string code)
    {
        var directory = Directory.CreateTempSubdirectory("conclave-snippet-");
        try
        {
            var source = Path.Combine(directory.FullName, "snippet.cs");
            var usings = Path.Combine(directory.FullName, "usings.cs");
            var response = Path.Combine(directory.FullName, "compile.rsp");
            await File.WriteAllTextAsync(source, code);
            await File.WriteAllTextAsync(usings, ImplicitUsings);

            // The test's own assemblies are those of an application that references the backends, and the shared frameworks.
            var references = ((string)AppContext.GetData("TRUSTED_PLATFORM_ASSEMBLIES")!).Split(Path.PathSeparator);
            await File.WriteAllLinesAsync(response,
            [
                "-nologo", "-nostdlib", "-noconfig", "-nullable:enable", "-langversion:14", "-target:exe",
                $"-out:\"{Path.Combine(directory.FullName, "snippet.dll")}\"", $"\"{source}\"", $"\"{usings}\"",
                .. references.Select(reference => $"-reference:\"{reference}\""),
            ]);

            using var compiler = Process.Start(new ProcessStartInfo(Path.Combine(DotnetRoot, "dotnet"), ["exec", Compiler, $"@{response}"]) { RedirectStandardOutput = true })!;
            var output = await compiler.StandardOutput.ReadToEndAsync();
            await compiler.WaitForExitAsync();

            // A snippet of types only has no entry point, and need not.
            return [.. output.Split('\n').Where(line => line.Contains("error CS", StringComparison.Ordinal) && !line.Contains("error CS5001", StringComparison.Ordinal))
                .Select(line => line.Replace(source, "snippet", StringComparison.Ordinal).Trim())];
        }
        finally
        {
            directory.Delete(recursive: true);
        }
    }

    // shared/Microsoft.NETCore.App/VERSION/ of the runtime we run on is three levels below the root that holds the SDK.
    private static string DotnetRoot { get; } = Path.GetFullPath(Path.Combine(typeof(object).Assembly.Location, "../../../.."));

    private static string Compiler { get; } =
        Directory.EnumerateFiles(Path.Combine(DotnetRoot, "sdk"), "csc.dll", SearchOption.AllDirectories).Order(StringComparer.Ordinal).Last();

    [GeneratedRegex(@"^[ \t]*```(?:csharp|cs|c#)[^\n]*\n(.*?)^[ \t]*```", RegexOptions.Multiline | RegexOptions.Singleline)]
    private static partial Regex Fence();
}
