using Conclave.Consensus;
using Conclave.Runtime;
using Conclave.Store;
using Conclave.Wire.Etcd;
using Conclave.Wire.Grpc;
using Google.Protobuf;

namespace Conclave.Server.Services;

/// <summary>What all services share: the member, the header of every response, the client's wish for a leader, and what a failed read becomes.</summary>
internal sealed class EtcdMethodMap(GrpcRouter router, LocalMember member, LeaderMonitor leaders)
{
    private const string RequireLeaderKey = "hasleader";

    public LocalMember Member => member;

    public void Unary<TRequest, TResponse>(GrpcMethod<TRequest, TResponse> method, Func<TRequest, CancellationToken, Task<TResponse>> handler)
        where TRequest : class, IMessage<TRequest>
        where TResponse : class, IMessage<TResponse> =>
        router.MapUnary(method, async (request, call) =>
        {
            if (WantsLeader(call) && member.Standing.Leader is null) throw EtcdErrors.NoLeader;
            try
            {
                return await handler(request, call.Cancellation);
            }
            catch (ReadNotConfirmedException)
            {
                throw member.Standing.Leader is null ? EtcdErrors.NoLeader : EtcdErrors.TimedOut;
            }
        });

    public void Duplex<TRequest, TResponse>(
        GrpcMethod<TRequest, TResponse> method, Func<GrpcRequestStream<TRequest>, GrpcResponseStream<TResponse>, CancellationToken, Task> handler)
        where TRequest : class, IMessage<TRequest>
        where TResponse : class, IMessage<TResponse> =>
        router.MapDuplex(method, async (requests, responses, call) =>
        {
            if (!WantsLeader(call))
            {
                await handler(requests, responses, call.Cancellation);
                return;
            }

            using var leaderless = CancellationTokenSource.CreateLinkedTokenSource(call.Cancellation, leaders.Lost);
            try
            {
                await handler(requests, responses, leaderless.Token);
            }
            catch (OperationCanceledException) when (leaderless.IsCancellationRequested && !call.Cancellation.IsCancellationRequested)
            {
                throw EtcdErrors.NoLeader;
            }
        });

    /// <summary>Through the log; every end but the expected result is one of etcd's errors.</summary>
    public async Task<T> ProposeAsync<T>(Command command, CancellationToken cancellation)
        where T : CommandResult => await member.ProposeAsync(command, cancellation) switch
        {
            ProposalOutcome.Applied { Result: T result } => result,
            ProposalOutcome.Applied { Result: CommandResult.Refused refused } => throw EtcdErrors.Of(refused.Error),
            ProposalOutcome.Applied => throw new System.Diagnostics.UnreachableException(),
            var outcome => throw EtcdErrors.Of(outcome),
        };

    public ResponseHeader Header(Revision revision) => new()
    {
        ClusterId = member.Cluster.Value,
        MemberId = member.Id.Value,
        Revision = revision.Value,
        RaftTerm = member.Standing.Term.Value,
    };

    private static bool WantsLeader(GrpcCallContext call) => call.Metadata(RequireLeaderKey) == "true";
}
