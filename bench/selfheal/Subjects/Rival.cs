using System.Diagnostics;
using System.Globalization;
using Conclave.Bench.SelfHeal.Host;

namespace Conclave.Bench.SelfHeal.Subjects;

/// <summary>Three instances of the same sample, each restarted by its supervisor, behind somebody else's balancer.</summary>
internal sealed class Rival : IAsyncDisposable
{
    private const int Instances = 3;
    private readonly List<Process> _supervisors = [];
    private readonly bool _runit;
    private Process? _balancer;
    private bool _ended;

    private Rival(string name, bool runit)
    {
        Name = name;
        _runit = runit;
        Url = new Uri(string.Create(CultureInfo.InvariantCulture, $"http://127.0.0.1:{Place.FreePort()}"));
    }

    public string Name { get; }

    public Uri Url { get; }

    /// <summary>Debian's pair. A retry of what is safe at another server at once, checks every 50 ms, a server out after its first error.</summary>
    public static async Task<Rival> HaproxyRunitAsync(Place place)
    {
        var rival = new Rival("HAProxy + runit", runit: true);
        place.Owe(rival);
        var ports = rival.StartInstances(place, "haproxy");
        var servers = ports.Select((port, i) => string.Create(
            CultureInfo.InvariantCulture, $"  server web{i + 1} 127.0.0.1:{port} check inter 50ms fall 2 rise 1 observe layer4 error-limit 1 on-error mark-down"));
        var file = Path.Combine(place.Make("haproxy"), "haproxy.cfg");
        await File.WriteAllTextAsync(file, $"""
            global
              maxconn 4000
            defaults
              mode http
              timeout connect 1s
              timeout client 30s
              timeout server 30s
              timeout check 500ms
              retries 3
              option redispatch 1
              retry-on all-retryable-errors
            frontend gateway
              bind {rival.Url.Host}:{rival.Url.Port}
              http-request disable-l7-retry if METH_POST
              default_backend web
            backend web
              balance leastconn
              option httpchk GET /readyz
            {string.Join('\n', servers)}

            """);
        rival._balancer = Tool.Start("/usr/sbin/haproxy", place.Make("haproxy"), "-db", "-f", file);
        return rival;
    }

    /// <summary>YARP as its documentation sets it up, active and passive health on, and a shell loop that starts again what ended.</summary>
    public static Task<Rival> YarpAsync(Place place)
    {
        var rival = new Rival("plain YARP + a shell loop", runit: false);
        place.Owe(rival);
        var ports = rival.StartInstances(place, "yarp");
        string[] arguments = ["yarp", rival.Url.Port.ToString(CultureInfo.InvariantCulture), .. ports.Select(p => p.ToString(CultureInfo.InvariantCulture))];
        rival._balancer = Tool.Start(Environment.ProcessPath!, place.Make("yarp"), arguments);
        return Task.FromResult(rival);
    }

    /// <summary>The process of an instance (0 to 2), 0 while there is none.</summary>
    public int PidOf(int instance) => Kernel.ChildOf(_supervisors[instance].Id);

    public async ValueTask DisposeAsync()
    {
        if (Interlocked.Exchange(ref _ended, true))
            return;
        foreach (var supervisor in _supervisors)
        {
            var child = Kernel.ChildOf(supervisor.Id);

            // runsv ends its service when asked to end; a shell knows nothing of it.
            await Tool.EndAsync(supervisor, _runit ? Kernel.SigTerm : Kernel.SigKill);
            if (!_runit)
                Kernel.TryKill(child);
        }

        if (_balancer is not null)
            await Tool.EndAsync(_balancer);
    }

    private List<int> StartInstances(Place place, string name)
    {
        var ports = Enumerable.Range(0, Instances).Select(_ => Place.FreePort()).ToList();
        for (var i = 0; i < Instances; i++)
        {
            var directory = place.Make(string.Create(CultureInfo.InvariantCulture, $"{name}/web-{i + 1}"));
            var run = string.Create(CultureInfo.InvariantCulture, $"dotnet {place.Sample} --urls http://127.0.0.1:{ports[i]}");
            var file = Path.Combine(directory, "run");
            File.WriteAllText(file, string.Create(CultureInfo.InvariantCulture, $"#!/bin/sh\nexport CONCLAVE_INSTANCE=web/{i + 1}\n{(_runit ? "exec " + run : $"while :; do {run}; done")}\n"));
            if (!OperatingSystem.IsWindows())
                File.SetUnixFileMode(file, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
            _supervisors.Add(_runit ? Tool.Start("/usr/bin/runsv", directory, directory) : Tool.Start(file, directory));
        }

        return ports;
    }
}
