using System.Text;

namespace Conclave.Cli.Rendering;

/// <summary>Columns of plain text: quick to print, easy for <c>grep</c> and <c>awk</c>.</summary>
internal static class TextTable
{
    /// <summary>Every row has as many cells as the header; an empty cell is a dash, so that columns can be counted.</summary>
    public static string Render(IReadOnlyList<string> header, IEnumerable<IReadOnlyList<string>> rows)
    {
        var lines = rows.Prepend(header).ToList();
        var widths = Enumerable.Range(0, header.Count).Select(column => lines.Max(line => line[column].Length)).ToArray();
        var text = new StringBuilder();
        foreach (var line in lines)
        {
            for (var column = 0; column < header.Count; column++)
            {
                var cell = line[column].Length == 0 ? "-" : line[column];
                text.Append(column + 1 < header.Count ? cell.PadRight(widths[column] + 2) : cell);
            }

            text.AppendLine();
        }

        return text.ToString();
    }
}
