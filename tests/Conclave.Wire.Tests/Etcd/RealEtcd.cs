using System.Diagnostics;
using System.Globalization;
using Conclave.Wire.Etcd;
using Conclave.Wire.Grpc;

namespace Conclave.Wire.Tests.Etcd;

/// <summary>One member of Debian's etcd in a directory of its own. Stopping and starting it again keeps its data and its addresses.</summary>
public sealed class RealEtcd : IAsyncDisposable
{
    private const string Program = "/usr/bin/etcd";
    private readonly DirectoryInfo _directory = Directory.CreateTempSubdirectory("conclave-etcd-");
    private readonly string _peer = $"http://127.0.0.1:{LoopbackPorts.Free()}";
    private Process? _process;

    public static bool IsInstalled => File.Exists(Program);

    private readonly TestCertificates? _certificates;

    private RealEtcd(TestCertificates? certificates)
    {
        _certificates = certificates;
        Endpoint = string.Create(CultureInfo.InvariantCulture, $"{(certificates is null ? "http" : "https")}://127.0.0.1:{LoopbackPorts.Free()}");
    }

    public string Endpoint { get; }

    /// <param name="certificates">Of the server and of the authority that its clients' have to come from; without, it speaks cleartext.</param>
    public static async Task<RealEtcd> StartNewAsync(TestCertificates? certificates = null)
    {
        var etcd = new RealEtcd(certificates);
        await etcd.StartAsync();
        return etcd;
    }

    public async Task StartAsync()
    {
        var start = new ProcessStartInfo(Program) { RedirectStandardError = true, RedirectStandardOutput = true };
        string[] tls = _certificates is null ? [] : ["--cert-file", _certificates.Server, "--key-file", _certificates.ServerKey, "--trusted-ca-file", _certificates.Authority, "--client-cert-auth"];
        foreach (var argument in (string[])
        [
            "--name", "a", "--data-dir", Path.Combine(_directory.FullName, "data"), "--listen-client-urls", Endpoint, "--advertise-client-urls", Endpoint,
            "--listen-peer-urls", _peer, "--initial-advertise-peer-urls", _peer, "--initial-cluster", $"a={_peer}", "--log-level", "error",
            "--unsafe-no-fsync", "--heartbeat-interval", "20", "--election-timeout", "200", .. tls,
        ]) start.ArgumentList.Add(argument);
        _process = Process.Start(start)!;
        _process.OutputDataReceived += (_, _) => { };
        _process.ErrorDataReceived += (_, _) => { };
        _process.BeginOutputReadLine();
        _process.BeginErrorReadLine();

        await using var client = new EtcdClient(ClientOptions);
        try
        {
            await client.RangeAsync(new RangeRequest { Key = Google.Protobuf.ByteString.CopyFromUtf8("ready") });
        }
        catch (EtcdException refused) when (refused.Status == GrpcStatus.InvalidArgument)
        {
            // It wants to know who asks, so it is there.
        }
    }

    /// <summary>Of a client that the server's certificate is good for, and the other way round; without a user.</summary>
    public EtcdClientOptions ClientOptions => new()
    {
        Endpoints = [Endpoint],
        RequestTimeout = TimeSpan.FromSeconds(30),
        CertificateAuthorityFile = _certificates?.Authority,
        CertificateFile = _certificates?.Client,
        CertificateKeyFile = _certificates?.ClientKey,
    };

    /// <summary>Turns authentication on, with the users <c>root</c> and <c>dialer</c>; the second may use what begins with <c>billing/</c>. The password of each is its name, backwards.</summary>
    public async Task RequireUsersAsync()
    {
        string[][] steps =
        [
            ["user", "add", "root:toor"], ["user", "grant-role", "root", "root"], ["role", "add", "dialing"], ["role", "grant-permission", "dialing", "readwrite", "--prefix=true", "billing/"],
            ["user", "add", "dialer:relaid"], ["user", "grant-role", "dialer", "dialing"], ["auth", "enable"],
        ];
        foreach (var step in steps) await ControlAsync(step);
    }

    /// <summary>Debian's etcdctl.</summary>
    public async Task ControlAsync(params IEnumerable<string> arguments)
    {
        var start = new ProcessStartInfo("etcdctl", ["--endpoints", Endpoint, .. arguments]) { RedirectStandardError = true, RedirectStandardOutput = true };
        start.Environment["ETCDCTL_API"] = "3";
        using var process = Process.Start(start)!;
        var (output, error) = (process.StandardOutput.ReadToEndAsync(), process.StandardError.ReadToEndAsync());
        await process.WaitForExitAsync();
        if (process.ExitCode != 0) throw new InvalidOperationException($"etcdctl {string.Join(' ', arguments)}: {await output}{await error}");
    }

    /// <summary>kill -9 and gone.</summary>
    public async Task KillAsync()
    {
        if (_process is null) return;
        _process.Kill();
        await _process.WaitForExitAsync();
        _process.Dispose();
        _process = null;
    }

    public async ValueTask DisposeAsync()
    {
        await KillAsync();
        _directory.Delete(recursive: true);
    }
}

/// <summary>One etcd for the tests of a class that do not stop it.</summary>
public sealed class SharedEtcd : IAsyncLifetime
{
    private RealEtcd? _etcd;

    public string Endpoint => _etcd!.Endpoint;

    public EtcdClient NewClient(params string[] before) => new(new EtcdClientOptions { Endpoints = [.. before, Endpoint], RequestTimeout = TimeSpan.FromSeconds(20) });

    public async Task InitializeAsync() => _etcd = await RealEtcd.StartNewAsync();

    public async Task DisposeAsync()
    {
        if (_etcd is not null) await _etcd.DisposeAsync();
    }
}
