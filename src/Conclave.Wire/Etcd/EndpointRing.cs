using Conclave.Wire.Grpc;

namespace Conclave.Wire.Etcd;

/// <summary>The channels of a client, one per endpoint, and the one that is in use. Whoever sees it fail moves everybody on.</summary>
internal sealed class EndpointRing : IDisposable
{
    private readonly GrpcChannel[] _channels;
    private int _current;

    public EndpointRing(EtcdClientOptions options)
    {
        if (options.Endpoints.Count == 0) throw new ArgumentException("no endpoints: give at least one, such as http://127.0.0.1:2379", nameof(options));
        _channels = [.. options.Endpoints.Select(endpoint => Connect(endpoint, options))];
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

    public static GrpcChannel Connect(string endpoint, EtcdClientOptions options) => new(GrpcAddress.Parse(endpoint), new GrpcChannelOptions
    {
        ConnectTimeout = options.ConnectTimeout,
        KeepAliveInterval = options.KeepAliveInterval,
        KeepAliveTimeout = options.KeepAliveTimeout,
        ResponseBytesMax = options.ResponseBytesMax,
    });

    public void Dispose()
    {
        foreach (var channel in _channels) channel.Dispose();
    }
}
