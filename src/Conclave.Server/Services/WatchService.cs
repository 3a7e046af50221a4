using Conclave.Wire.Etcd;

namespace Conclave.Server.Services;

/// <summary><c>etcdserverpb.Watch</c>.</summary>
internal sealed class WatchService(EtcdMethodMap map, WatchLimits limits)
{
    public void Map() => map.Duplex(EtcdMethods.Watch, (requests, responses, cancellation) => new WatchStream(map, limits).RunAsync(requests, responses, cancellation));
}
