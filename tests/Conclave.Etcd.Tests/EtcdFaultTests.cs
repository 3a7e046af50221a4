using Conclave.Wire.Etcd;
using Conclave.Wire.Grpc;

namespace Conclave.Etcd.Tests;

public sealed class EtcdFaultTests
{
    [Theory]
    [InlineData(GrpcStatus.Unavailable)]
    [InlineData(GrpcStatus.DeadlineExceeded)]
    public void No_answer_is_unknown_and_no_refusal(GrpcStatus status)
    {
        var fault = new EtcdException(status, "etcdserver: no leader");
        Assert.True(EtcdFault.IsSilence(fault));
        Assert.IsType<ElectionUnavailableException>(EtcdFault.ToElection("e", fault));
    }

    [Theory]
    [InlineData(GrpcStatus.PermissionDenied, "etcdserver: permission denied")]
    [InlineData(GrpcStatus.InvalidArgument, "etcdserver: request is too large")]
    [InlineData(GrpcStatus.ResourceExhausted, "etcdserver: mvcc: database space exceeded")]
    public void A_refusal_that_waiting_cannot_cure_is_told_in_the_words_of_the_server(GrpcStatus status, string text)
    {
        var fault = new EtcdException(status, text);
        Assert.False(EtcdFault.IsSilence(fault));
        var told = EtcdFault.ToElection("e", fault);
        Assert.IsType<ElectionException>(told);
        Assert.Contains(text, told.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(GrpcStatus.InvalidArgument, "etcdserver: authentication failed, invalid user ID or password", "Check EtcdClientOptions.Credentials")]
    [InlineData(GrpcStatus.InvalidArgument, "etcdserver: user name is empty", "Check EtcdClientOptions.Credentials")]
    [InlineData(GrpcStatus.PermissionDenied, "etcdserver: permission denied", "Grant the user of EtcdClientOptions.Credentials")]
    public void A_refusal_of_who_we_are_names_the_option(GrpcStatus status, string text, string remedy) =>
        Assert.Contains(remedy, EtcdFault.ToElection("e", new EtcdException(status, text)).Message, StringComparison.Ordinal);

    [Fact]
    public void A_write_that_may_have_happened_is_unknown_whatever_its_status() =>
        Assert.True(EtcdFault.IsSilence(new EtcdException(GrpcStatus.Internal, "stream reset", outcomeUnknown: true)));

    [Fact]
    public void A_lease_that_is_gone_is_told_from_a_key_that_is_gone()
    {
        Assert.True(EtcdFault.IsLeaseGone(new EtcdException(GrpcStatus.NotFound, "etcdserver: requested lease not found")));
        Assert.False(EtcdFault.IsLeaseGone(new EtcdException(GrpcStatus.NotFound, "etcdserver: key not found")));
    }
}
