using Conclave.Consensus;
using Conclave.Runtime;
using Conclave.Wire.Etcd;
using Conclave.Wire.Grpc;

namespace Conclave.Server.Services;

/// <summary>Asks the leader what only it knows, at the addresses it has published for clients.</summary>
internal sealed class LeaderClient(LocalMember member, TimeSpan timeout) : IDisposable
{
    private readonly Lock _gate = new();
    private (PeerId Leader, string Url, GrpcChannel Channel)? _channel;

    public async Task<LeaseTimeToLiveResponse> TimeToLiveAsync(LeaseTimeToLiveRequest request, CancellationToken cancellation)
    {
        if (member.Standing.Leader is not { } leader) throw EtcdErrors.NoLeader;

        // We lead, yet do not count: leadership has just begun or ended. Also what keeps two members from asking each other in circles.
        if (leader == member.Id) throw EtcdErrors.LeaderChanged;

        var url = await member.ReadAsync(
            linearizable: false, applier => applier.Members.GetValueOrDefault(leader)?.ClientUrls is [var first, ..] ? first : null, cancellation);
        if (url is null) throw EtcdErrors.NoLeader;
        return await ChannelTo(leader, url).UnaryAsync(EtcdMethods.LeaseTimeToLive, request, timeout, cancellation);
    }

    public void Dispose()
    {
        lock (_gate) _channel?.Channel.Dispose();
    }

    private GrpcChannel ChannelTo(PeerId leader, string url)
    {
        lock (_gate)
        {
            if (_channel is { } open && open.Leader == leader && open.Url == url) return open.Channel;
            _channel?.Channel.Dispose();
            var channel = new GrpcChannel(GrpcAddress.Parse(url), new GrpcChannelOptions());
            _channel = (leader, url, channel);
            return channel;
        }
    }
}
