using Conclave.Wire.Grpc;

namespace Conclave.Wire.Etcd;

/// <summary>The channels of a client, one per endpoint, and the one that is in use. Whoever sees it fail moves everybody on.</summary>
internal sealed class EndpointRing : IDisposable
{
    private readonly GrpcChannel[] _channels;
    private readonly GrpcChannelOptions _options;
    private int _current;

    public EndpointRing(EtcdClientOptions options, Login login)
    {
        options.Validate();
        var addresses = options.Endpoints.Select(GrpcAddress.Parse).ToList();
        _options = new GrpcChannelOptions
        {
            ConnectTimeout = options.ConnectTimeout,
            KeepAliveInterval = options.KeepAliveInterval,
            KeepAliveTimeout = options.KeepAliveTimeout,
            ResponseBytesMax = options.ResponseBytesMax,
            Tls = EtcdTls.Of(options, addresses),
            Token = () => login.Token,
        };
        _channels = [.. addresses.Select(Connect)];
    }

    public int Count => _channels.Length;

    public GrpcChannel Current => _channels[Volatile.Read(ref _current)];

    /// <summary>Goes to the next endpoint, unless somebody else who saw <paramref name="failed"/> fail already did.</summary>
    public void MoveOn(GrpcChannel failed)
    {
        var index = Array.IndexOf(_channels, failed);
        Interlocked.CompareExchange(ref _current, (index + 1) % _channels.Length, index);
    }

    /// <summary>The channel of this endpoint, or null when it is not one of ours.</summary>
    public GrpcChannel? Find(GrpcAddress address) => Array.Find(_channels, channel => channel.Address == address);

    /// <summary>Another channel, as the client's own are; the caller disposes it.</summary>
    public GrpcChannel Connect(GrpcAddress address) => new(address, _options);

    public void Dispose()
    {
        foreach (var channel in _channels) channel.Dispose();
    }
}
