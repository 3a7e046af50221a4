using System.Diagnostics;
using System.Security.Cryptography;
using System.Threading.Channels;
using Conclave.Store;
using Conclave.Wire.Etcd;
using Conclave.Wire.Grpc;
using Google.Protobuf;

namespace Conclave.Server.Services;

/// <summary><c>etcdserverpb.Lease</c>. Any member takes any of these; what only the leader knows is asked from it.</summary>
internal sealed class LeaseService(EtcdMethodMap map, StoreLimits limits, LeaderClient leader)
{
    /// <summary>Renewals under way on one stream. They share rounds of messages, so a client with thousands of leases waits for one round, not for thousands.</summary>
    private const int RenewalsPerStreamMax = 1_024;

    public void Map()
    {
        map.Unary(EtcdMethods.LeaseGrant, GrantAsync);
        map.Unary(EtcdMethods.LeaseRevoke, RevokeAsync);
        map.Unary(EtcdMethods.LeaseTimeToLive, TimeToLiveAsync);
        map.Unary(EtcdMethods.LeaseLeases, LeasesAsync);
        map.Duplex(EtcdMethods.LeaseKeepAlive, KeepAliveAsync);
    }

    private async Task<LeaseGrantResponse> GrantAsync(LeaseGrantRequest request, CancellationToken cancellation)
    {
        var id = request.ID != 0 ? request.ID : RandomId();
        var command = new Command.GrantLease(new LeaseId(id), CommandGate.RaiseTtl(request.TTL, limits));
        if (CommandGate.Check(command, limits) is var error and not StoreError.None) throw EtcdErrors.Of(error);
        var granted = await map.ProposeAsync<CommandResult.LeaseGranted>(command, cancellation);
        return new LeaseGrantResponse { Header = map.Header(granted.Revision), ID = granted.Id.Value, TTL = granted.Ttl };
    }

    private async Task<LeaseRevokeResponse> RevokeAsync(LeaseRevokeRequest request, CancellationToken cancellation)
    {
        var command = new Command.RevokeLease(new LeaseId(request.ID));
        if (CommandGate.Check(command, limits) is var error and not StoreError.None) throw EtcdErrors.Of(error);
        var revoked = await map.ProposeAsync<CommandResult.LeaseRevoked>(command, cancellation);
        return new LeaseRevokeResponse { Header = map.Header(revoked.Revision) };
    }

    private async Task<LeaseTimeToLiveResponse> TimeToLiveAsync(LeaseTimeToLiveRequest request, CancellationToken cancellation)
    {
        var (lease, revision) = await map.Member.ReadAsync(
            linearizable: true, applier => (applier.Leases.Find(new LeaseId(request.ID)), applier.Store.Current), cancellation);
        var response = new LeaseTimeToLiveResponse { Header = map.Header(revision), ID = request.ID, TTL = -1 };
        if (lease is null) return response;

        // Only the leader counts. Our own answer stands for everything but the time left.
        response.TTL = lease.Remaining ?? (await leader.TimeToLiveAsync(request, cancellation)).TTL;
        response.GrantedTTL = lease.Ttl;
        if (request.Keys) response.Keys.AddRange(lease.Keys.Select(key => UnsafeByteOperations.UnsafeWrap(key)));
        return response;
    }

    private async Task<LeaseLeasesResponse> LeasesAsync(LeaseLeasesRequest request, CancellationToken cancellation)
    {
        var (ids, revision) = await map.Member.ReadAsync(linearizable: true, applier => (applier.Leases.Ids, applier.Store.Current), cancellation);
        var response = new LeaseLeasesResponse { Header = map.Header(revision) };
        response.Leases.AddRange(ids.Select(id => new LeaseStatus { ID = id.Value }));
        return response;
    }

    private async Task KeepAliveAsync(
        GrpcRequestStream<LeaseKeepAliveRequest> requests, GrpcResponseStream<LeaseKeepAliveResponse> responses, CancellationToken cancellation)
    {
        var pending = Channel.CreateBounded<(long Id, Task<RenewalOutcome> Outcome)>(new BoundedChannelOptions(RenewalsPerStreamMax) { SingleReader = true, SingleWriter = true });
        using var ended = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        var reading = ReadAsync();
        try
        {
            // In the order of the requests, as etcd answers.
            await foreach (var (id, outcome) in pending.Reader.ReadAllAsync(ended.Token))
            {
                var ttl = await outcome switch
                {
                    RenewalOutcome.Renewed renewed => renewed.Ttl,
                    RenewalOutcome.Gone => 0,
                    RenewalOutcome.Unknown => throw (map.Member.Standing.Leader is null ? EtcdErrors.NoLeader : EtcdErrors.TimedOut),
                    _ => throw new UnreachableException(),
                };
                await responses.WriteAsync(new LeaseKeepAliveResponse { Header = map.Header(map.Member.Status.Revision), ID = id, TTL = ttl }, ended.Token);
            }
        }
        finally
        {
            await ended.CancelAsync();
            await reading.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }

        async Task ReadAsync()
        {
            Exception? failure = null;
            try
            {
                while (await requests.ReadAsync(ended.Token) is { } request)
                    await pending.Writer.WriteAsync((request.ID, map.Member.RenewLeaseAsync(new LeaseId(request.ID), ended.Token)), ended.Token);
            }
            catch (Exception e)
            {
                failure = e;
            }

            pending.Writer.Complete(failure);
        }
    }

    /// <summary>Positive and not zero; that one of 2^63 is in use already is refused like any other.</summary>
    private static long RandomId() => BitConverter.ToInt64(RandomNumberGenerator.GetBytes(8)) & long.MaxValue | 1;
}
