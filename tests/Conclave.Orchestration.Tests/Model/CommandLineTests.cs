using System.Collections.Immutable;
using Conclave.Orchestration.Model;
using Xunit;

namespace Conclave.Orchestration.Tests.Model;

public sealed class CommandLineTests
{
    private static readonly ServiceSpec Web = new()
    {
        Name = "web",
        Command = ["run", "--urls=http://127.0.0.1:{port}", "{instance}@{node}", "{other} {}"],
        Directory = "/srv",
        Environment = ImmutableSortedDictionary<string, string>.Empty.Add("URL", "http://h:{port}/").Add("LEVEL", "info"),
    };

    [Fact]
    public void Three_placeholders_are_filled_in_and_other_braces_stay()
    {
        var command = CommandLine.Resolve(Web, new InstanceIdentity("web/2", "node-1", 20_001));

        Assert.Equal(["run", "--urls=http://127.0.0.1:20001", "web/2@node-1", "{other} {}"], command.Arguments.ToArray());
        Assert.Equal(
            ["CONCLAVE_INSTANCE=web/2", "CONCLAVE_NODE=node-1", "LEVEL=info", "PORT=20001", "URL=http://h:20001/"],
            command.Environment.Select(pair => $"{pair.Key}={pair.Value}"));
    }

    [Theory]
    [InlineData("a b  c", "a|b|c")]
    [InlineData("  a\tb ", "a|b")]
    [InlineData("a 'b c' d", "a|b c|d")]
    [InlineData("a \"b c\" d", "a|b c|d")]
    [InlineData("a\\ b", "a b")]
    [InlineData("--x='1 2'\"3\"4", "--x=1 234")]
    [InlineData("'' \"\"", "|")]
    [InlineData("'a\\n' \"a\\n\" \"a\\\"b\" \"\\\\ \\$X\"", "a\\n|a\\n|a\"b|\\ $X")]
    [InlineData("echo $HOME *.txt ~", "echo|$HOME|*.txt|~")]
    [InlineData("", "")]
    public void A_text_is_split_as_a_shell_would_and_nothing_is_expanded(string text, string expected) =>
        Assert.Equal(expected, string.Join('|', CommandLine.Split(text)));

    [Theory]
    [InlineData("a 'b")]
    [InlineData("a \"b")]
    [InlineData("a \"b\\")]
    [InlineData("a \\")]
    public void What_is_left_open_is_refused(string text) => Assert.Throws<FormatException>(() => CommandLine.Split(text));

    [Fact]
    public void The_hash_changes_with_what_a_restart_needs_and_with_nothing_else()
    {
        Assert.Equal(Web.Hash, (Web with { Replicas = 9, Restart = RestartMode.Never, StopSignal = Signal.Kill, Ready = new ProbeSpec { Kind = ProbeKind.Tcp } }).Hash);
        Assert.NotEqual(Web.Hash, (Web with { Command = ["run"] }).Hash);
        Assert.NotEqual(Web.Hash, (Web with { Directory = "/" }).Hash);
        Assert.NotEqual(Web.Hash, (Web with { Environment = Web.Environment.SetItem("LEVEL", "debug") }).Hash);
        Assert.NotEqual((Web with { Command = ["ab", "c"] }).Hash, (Web with { Command = ["a", "bc"] }).Hash);
    }

    [Fact]
    public void Specs_are_equal_by_value()
    {
        var copy = Web with { Command = [.. Web.Command] };

        Assert.Equal(Web, copy);
        Assert.Equal(Web.GetHashCode(), copy.GetHashCode());
        Assert.NotEqual(Web, copy with { Replicas = 2 });
    }

    [Theory]
    [InlineData("500ms", 500)]
    [InlineData("1s", 1_000)]
    [InlineData("1m30s", 90_000)]
    [InlineData("1.5s", 1_500)]
    [InlineData("2h", 7_200_000)]
    public void A_duration_is_read_and_written_back(string text, int milliseconds)
    {
        Assert.True(Orchestration.Model.Yaml.Duration.TryParse(text, out var duration));
        Assert.Equal(milliseconds, duration.TotalMilliseconds);
        Assert.True(Orchestration.Model.Yaml.Duration.TryParse(Orchestration.Model.Yaml.Duration.Format(duration), out var again));
        Assert.Equal(duration, again);
    }
}
