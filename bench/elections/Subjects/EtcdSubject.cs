using Conclave.Bench.Elections.Machine;
using Conclave.Bench.Elections.Rivals;
using Conclave.Wire.Etcd;

namespace Conclave.Bench.Elections.Subjects;

/// <summary>etcd's protocol, served by Debian's etcd or by <c>conclave serve</c>, one member with its defaults.</summary>
internal sealed class EtcdSubject(string name, bool isOurs) : Subject
{
    private readonly string _endpoint = $"http://127.0.0.1:{Kernel.FreePort()}";
    private Child? _server;

    public override string Name => name;

    public override string LeadEndpoint => _endpoint;

    public override string[] AddressOf(int number) => ["etcd", _endpoint];

    public override async Task StartAsync(Place place)
    {
        var directory = place.New(name);
        var peer = $"http://127.0.0.1:{Kernel.FreePort()}";
        string[] flags =
        [
            "--name", "one", "--data-dir", "data", "--listen-client-urls", _endpoint, "--advertise-client-urls", _endpoint,
            "--listen-peer-urls", peer, "--initial-advertise-peer-urls", peer, "--initial-cluster", $"one={peer}",
        ];
        _server = isOurs ? Child.Start(name, await place.ConclaveAsync(), ["serve", .. flags], directory) : Child.Start(name, "etcd", flags, directory);
        await using var client = new EtcdClient(new EtcdClientOptions { Endpoints = [_endpoint], RequestTimeout = TimeSpan.FromSeconds(1) });
        await UntilAsync(name, _server, async () =>
        {
            try
            {
                await client.LeaseLeasesAsync();
                return true;
            }
            catch (EtcdException)
            {
                return false;
            }
        });

        if (!isOurs)
            Rival = await Rival.GoAsync(_endpoint, directory);
    }

    public override async Task<int?> SessionsAsync()
    {
        await using var client = new EtcdClient(new EtcdClientOptions { Endpoints = [_endpoint] });
        return (await client.LeaseLeasesAsync()).Leases.Count;
    }

    public override ValueTask DisposeAsync()
    {
        _server?.Dispose();
        return ValueTask.CompletedTask;
    }
}
