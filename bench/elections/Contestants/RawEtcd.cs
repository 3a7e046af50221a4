using Conclave.Wire.Etcd;
using Google.Protobuf;

namespace Conclave.Bench.Elections.Contestants;

/// <summary>
/// The requests that no hand-over in etcd can do without, and nothing else: one deletes its key, the other's watch says so, a linearizable read confirms that nobody else stands.
/// No lease, no order among many.
/// </summary>
internal sealed class RawEtcd(string endpoint, string election, int number) : IContestant
{
    private readonly EtcdClient _client = new(new EtcdClientOptions { Endpoints = [endpoint] });
    private readonly ByteString _own = ByteString.CopyFromUtf8($"{election}/{number}");
    private readonly ByteString _other = ByteString.CopyFromUtf8($"{election}/{1 - number}");

    public async Task StandAsync()
    {
        await _client.PutAsync(new PutRequest { Key = _own });
        while (true)
        {
            var standing = await _client.RangeAsync(new RangeRequest { Key = _other });
            if (standing.Kvs.Count == 0)
                return;
            await foreach (var response in _client.WatchAsync(new WatchCreateRequest { Key = _other, StartRevision = standing.Header.Revision + 1 }))
            {
                if (response.Events.Any(change => change.Type == Event.Types.EventType.Delete))
                    break;
            }
        }
    }

    public async Task ResignAsync() => await _client.DeleteRangeAsync(new DeleteRangeRequest { Key = _own });

    public ValueTask DisposeAsync() => _client.DisposeAsync();
}
