using Conclave.Tidy.Tests.Rules;

namespace Conclave.Tidy.Tests;

/// <summary>The rules, applied to this repository.</summary>
public sealed class RepositoryTests
{
    private static readonly Lazy<SourceTree> Repository = new(SourceTree.Load);

    [Fact]
    public void Projects_reference_lower_floors_and_their_own_packages_only() => None(Arrows.Violations(Repository.Value));

    [Fact]
    public void Every_project_is_in_the_solution_and_has_tests() => None(Houses.Violations(Repository.Value));

    [Fact]
    public void Namespaces_of_a_project_do_not_use_each_other_in_a_circle() => None(NamespaceCycles.Violations(Repository.Value));

    [Fact]
    public void Types_have_names_that_say_something() => None(TypeNames.Violations(Repository.Value));

    [Fact]
    public void Files_are_short() => None(FileLength.Violations(Repository.Value));

    [Fact]
    public void Links_lead_somewhere() => None(MarkdownLinks.Violations(Repository.Value));

    [Fact]
    public void Nothing_names_the_machine_it_was_made_on() => None(MachineTraces.Violations(Repository.Value));

    [Fact]
    public async Task Code_in_the_documents_compiles() => None(await Snippets.ViolationsAsync(Repository.Value));

    private static void None(IEnumerable<string> violations) => Assert.True(!violations.Any(), string.Join('\n', violations));
}
