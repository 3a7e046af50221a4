namespace Conclave.Orchestration.Model.Yaml;

/// <summary>One thing that is wrong in a file.</summary>
/// <param name="Line">Counted from 1.</param>
/// <param name="What">Names the key and the value.</param>
/// <param name="Remedy">What to write instead.</param>
internal readonly record struct Problem(int Line, string What, string Remedy)
{
    public string Text(string file) => $"{file}:{Line}: {What}; {Remedy}";
}

/// <summary>Collects what is wrong, so that a person corrects a file once and not once per mistake.</summary>
internal sealed class Problems
{
    // Beyond this many one reads no further; a wrong indentation can produce one per line.
    private const int Max = 20;

    private readonly List<Problem> _errors = [];
    private readonly List<Problem> _warnings = [];

    public bool Any => _errors.Count > 0;

    public void Add(Problem problem) => _errors.Add(problem);

    public void Add(int line, string what, string remedy) => _errors.Add(new Problem(line, what, remedy));

    public void Warn(int line, string what, string remedy) => _warnings.Add(new Problem(line, what, remedy));

    public IReadOnlyList<string> Errors(string file) => [.. InOrder(_errors).Take(Max).Select(problem => problem.Text(file))];

    public IReadOnlyList<string> Warnings(string file) => [.. InOrder(_warnings).Select(problem => problem.Text(file))];

    private static IEnumerable<Problem> InOrder(IEnumerable<Problem> problems) => problems.Distinct().OrderBy(problem => problem.Line);
}
