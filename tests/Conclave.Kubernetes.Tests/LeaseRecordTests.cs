using System.Text.Json;
using Conclave.Kubernetes.Wire;

namespace Conclave.Kubernetes.Tests;

public sealed class LeaseRecordTests
{
    private static readonly DateTimeOffset Noon = new(2026, 11, 21, 12, 0, 0, TimeSpan.Zero);
    private static readonly TimeSpan Ttl = TimeSpan.FromSeconds(15);

    [Fact]
    public void An_acquired_Lease_reads_as_client_go_writes_it()
    {
        var spec = LeaseRecord.Acquired(Stored(Unheld), "jobs", "pod-1_ab", "http://a", Ttl, Noon).Spec!;
        Assert.Equal("pod-1_ab", spec.HolderIdentity);
        Assert.Equal(15, spec.LeaseDurationSeconds);
        Assert.Equal("2026-11-21T12:00:00.000000Z", spec.AcquireTime);
        Assert.Equal(1, spec.LeaseTransitions);
    }

    [Fact]
    public void A_released_Lease_has_no_holder_and_a_duration_of_a_second_and_keeps_the_token()
    {
        var held = LeaseRecord.Acquired(Stored(Unheld), "jobs", "a", "v", Ttl, Noon);
        var released = LeaseRecord.Released(held, Noon.AddSeconds(1));
        Assert.Equal("", released.Spec!.HolderIdentity);
        Assert.Equal(1, released.Spec.LeaseDurationSeconds);
        Assert.Equal(held.Spec!.LeaseTransitions, released.Spec.LeaseTransitions);
        Assert.Equal(held.Metadata.Annotations![LeaseRecord.TokenAnnotation], released.Metadata.Annotations![LeaseRecord.TokenAnnotation]);
        Assert.Null(LeaseRecord.ToLeader(released));
    }

    [Fact]
    public void A_renewal_changes_the_time_even_when_the_clock_has_not_moved()
    {
        var held = LeaseRecord.Acquired(Stored(Unheld), "jobs", "a", "v", Ttl, Noon);
        var renewed = LeaseRecord.Renewed(held, Ttl, Noon);
        Assert.NotEqual(held.Spec!.RenewTime, renewed.Spec!.RenewTime);
        Assert.Equal(held.Spec.AcquireTime, renewed.Spec.AcquireTime);
        Assert.Equal(LeaseRecord.ToLeader(held), LeaseRecord.ToLeader(renewed));
    }

    [Theory]
    [InlineData(null, "7", 8)]
    [InlineData("7", "3", 8)]
    [InlineData("7", "7", 8)]
    [InlineData("3", "7", 8)]
    public void A_token_is_above_the_last_and_above_the_version_it_is_made_from(string? last, string version, long token)
    {
        var lease = Stored(Unheld, version);
        if (last is not null)
            lease.Metadata.Annotations![LeaseRecord.TokenAnnotation] = last;
        Assert.Equal(new FencingToken(token), LeaseRecord.ToLeader(LeaseRecord.Acquired(lease, "jobs", "a", "v", Ttl, Noon))!.FencingToken);
    }

    [Fact]
    public void A_foreign_holder_has_its_identity_and_no_token_whatever_the_annotations_say()
    {
        var ours = LeaseRecord.Acquired(Stored(Unheld), "jobs", "a", "v", Ttl, Noon);
        var theirs = ours with { Spec = ours.Spec! with { HolderIdentity = "somebody" } };
        Assert.Equal(new Leader("somebody", FencingToken.None), LeaseRecord.ToLeader(theirs));
        Assert.Equal(new Leader("v", new FencingToken(8)), LeaseRecord.ToLeader(ours));
    }

    [Fact]
    public void What_we_do_not_know_of_a_Lease_is_written_back_as_it_was_read()
    {
        const string Read = """
            {"apiVersion":"coordination.k8s.io/v1","kind":"Lease","metadata":{"name":"jobs","uid":"u","resourceVersion":"7","annotations":{"a/b":"c"},"labels":{"team":"x"},
            "ownerReferences":[{"uid":"o"}],"managedFields":[{"manager":"m"}]},"spec":{"holderIdentity":"","leaseTransitions":4,"inventedLater":true},"status":{"x":1}}
            """;
        var lease = JsonSerializer.Deserialize(Read, KubernetesJson.Default.LeaseObject)!;
        var written = JsonSerializer.SerializeToElement(LeaseRecord.Acquired(lease, "jobs", "a", "v", Ttl, Noon), KubernetesJson.Default.LeaseObject);
        Assert.Equal("x", written.GetProperty("metadata").GetProperty("labels").GetProperty("team").GetString());
        Assert.Equal("o", written.GetProperty("metadata").GetProperty("ownerReferences")[0].GetProperty("uid").GetString());
        Assert.Equal("7", written.GetProperty("metadata").GetProperty("resourceVersion").GetString());
        Assert.Equal("c", written.GetProperty("metadata").GetProperty("annotations").GetProperty("a/b").GetString());
        Assert.True(written.GetProperty("spec").GetProperty("inventedLater").GetBoolean());
        Assert.Equal(5, written.GetProperty("spec").GetProperty("leaseTransitions").GetInt32());
        Assert.Equal(1, written.GetProperty("status").GetProperty("x").GetInt32());
        Assert.False(lease.Metadata.Annotations!.ContainsKey(LeaseRecord.TokenAnnotation), "what was read is not changed");
    }

    [Fact]
    public void Nobodys_Lease_and_one_of_another_clients_election_are_fit_for_ours()
    {
        Assert.Null(LeaseRecord.Problem(null, "jobs"));
        Assert.Null(LeaseRecord.Problem(Stored(new LeaseSpec()), "jobs"));
        Assert.Null(LeaseRecord.Problem(Stored(Foreign), "jobs"));
        Assert.Null(LeaseRecord.Problem(Stored(Unheld) with { Spec = null }, "jobs"));
    }

    [Fact]
    public void A_Lease_of_another_format_is_told_by_what_is_wrong_with_it()
    {
        Assert.Contains("for how long", LeaseRecord.Problem(Stored(Foreign with { LeaseDurationSeconds = null }), "jobs"), StringComparison.Ordinal);
        Assert.Contains("heartbeat", LeaseRecord.Problem(Stored(Foreign with { AcquireTime = null }), "jobs"), StringComparison.Ordinal);
        Assert.Contains("'bills'", LeaseRecord.Problem(With(LeaseRecord.NameAnnotation, "bills"), "jobs"), StringComparison.Ordinal);
        Assert.Contains("'many'", LeaseRecord.Problem(With(LeaseRecord.TokenAnnotation, "many"), "jobs"), StringComparison.Ordinal);
        Assert.Contains("resourceVersion", LeaseRecord.Problem(Stored(Unheld, "v-7"), "jobs"), StringComparison.Ordinal);
        var strategy = JsonSerializer.Deserialize("""{"strategy":"OldestEmulationVersion"}""", KubernetesJson.Default.LeaseObject)!.Rest!;
        Assert.Contains("strategy", LeaseRecord.Problem(Stored(Unheld with { Rest = strategy }), "jobs"), StringComparison.Ordinal);
    }

    internal static LeaseSpec Foreign => new()
    {
        HolderIdentity = "somebody",
        LeaseDurationSeconds = 15,
        AcquireTime = LeaseRecord.ToText(Noon),
        RenewTime = LeaseRecord.ToText(Noon),
        LeaseTransitions = 3,
    };

    internal static LeaseSpec Unheld => LeaseRecord.Unheld("jobs", "default", "jobs", Noon).Spec!;

    internal static LeaseObject Stored(LeaseSpec spec, string version = "7") => new()
    {
        Metadata = new ObjectMeta { Name = "jobs", Namespace = "default", Uid = "u", ResourceVersion = version, Annotations = new(StringComparer.Ordinal) },
        Spec = spec,
    };

    private static LeaseObject With(string annotation, string value)
    {
        var lease = Stored(Unheld);
        lease.Metadata.Annotations![annotation] = value;
        return lease;
    }
}
