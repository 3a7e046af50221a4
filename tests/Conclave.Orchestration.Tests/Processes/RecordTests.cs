using Conclave.Orchestration.Processes;

namespace Conclave.Orchestration.Tests.Processes;

public sealed class RecordTests : ProcessFixtures
{
    private InstanceRecordStore Store => new(Path.Combine(Folder, "instances"));

    [Fact]
    public void Record_comes_back_as_it_was_written()
    {
        var starting = Record("web", 2);
        Store.Write(starting);
        Assert.Equal(starting, Assert.Single(Store.ReadAll().Records));

        foreach (var exit in new ProcessExit[] { new ProcessExit.Code(3), new ProcessExit.Signal(9), new ProcessExit.Unknown() })
        {
            var running = starting with { State = InstanceRecordState.Running, Process = ProcessIdentity.Own, Restarts = 4, LastExit = exit };
            Store.Write(running);
            Assert.Equal(running, Assert.Single(Store.ReadAll().Records));
        }

        Assert.Equal("web/2", starting.Id);
        Assert.Equal(["web.2.json"], Directory.EnumerateFiles(Path.Combine(Folder, "instances")).Select(Path.GetFileName));
    }

    [Fact]
    public void Deleted_record_is_gone_and_the_others_stay()
    {
        Store.Write(Record("web", 10));
        Store.Write(Record("web", 9));
        Store.Write(Record("api", 1));
        Store.Delete("web", 3);
        Assert.Equal(["api/1", "web/9", "web/10"], Store.ReadAll().Records.Select(each => each.Id));
        Store.Delete("web", 9);
        Assert.Equal(["api/1", "web/10"], Store.ReadAll().Records.Select(each => each.Id));
    }

    [Theory]
    [InlineData("")]
    [InlineData("{\"v\":1,\"service\":\"web\"")]
    [InlineData("null")]
    [InlineData("{\"v\":1,\"service\":\"web\",\"number\":8,\"state\":\"running\",\"spec_hash\":\"\",\"log_file\":\"x\",\"since\":\"2026-01-01T00:00:00Z\"}")]
    [InlineData("{\"v\":1,\"service\":\"web\",\"number\":7,\"state\":\"dancing\",\"spec_hash\":\"\",\"log_file\":\"x\",\"since\":\"2026-01-01T00:00:00Z\"}")]
    public void Damaged_record_is_named_and_kept_aside(string text)
    {
        Store.Write(Record("web", 1));
        var file = Path.Combine(Folder, "instances", "web.7.json");
        File.WriteAllText(file, text);

        var read = Store.ReadAll();
        Assert.Equal("web/1", Assert.Single(read.Records).Id);
        var damaged = Assert.Single(read.Damaged);
        Assert.Equal(file, damaged.File);
        Assert.Equal(text, File.ReadAllText(damaged.MovedTo));
        Assert.NotEmpty(damaged.Reason);
        Assert.Empty(Store.ReadAll().Damaged);
    }

    [Fact]
    public void Record_of_a_newer_format_is_refused_and_left_alone()
    {
        Store.Write(Record("web", 1) with { V = 2 });
        var e = Assert.Throws<ConclaveException>(() => Store.ReadAll());
        Assert.Contains("web.1.json", e.Message, StringComparison.Ordinal);
        Assert.True(File.Exists(Path.Combine(Folder, "instances", "web.1.json")));
    }

    [Fact]
    public void Name_cannot_leave_the_directory() =>
        Assert.Throws<InvalidDataException>(() => Store.Write(Record("../web", 1)));

    [Fact]
    public void Half_written_record_is_not_read()
    {
        Store.Write(Record("web", 1));
        File.WriteAllText(Path.Combine(Folder, "instances", "web.1.json.tmp"), "{");
        var read = Store.ReadAll();
        Assert.Single(read.Records);
        Assert.Empty(read.Damaged);
    }

    private InstanceRecord Record(string service, int number) => new()
    {
        Service = service,
        Number = number,
        State = InstanceRecordState.Starting,
        Port = 20_001,
        SpecHash = "abc",
        Generation = 5,
        LogFile = LogFile,
        Since = new DateTimeOffset(2026, 1, 2, 3, 4, 5, TimeSpan.Zero),
    };
}
