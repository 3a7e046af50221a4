using System.Globalization;
using System.Net;
using System.Net.Sockets;

namespace Conclave.Bench.SelfHeal.Subjects;

/// <summary>Where the built product and the sample are, and where a run keeps its things.</summary>
internal sealed class Place : IDisposable
{
    private readonly bool _keep;
    private readonly Stack<IAsyncDisposable> _running = [];
    private int _made;

    public Place(bool keep)
    {
        _keep = keep;
        var root = new DirectoryInfo(AppContext.BaseDirectory);
        while (root is not null && !File.Exists(Path.Combine(root.FullName, "Conclave.slnx")))
            root = root.Parent;
        Repository = root?.FullName ?? throw new InvalidOperationException("the repository is not above this program");
        Temporary = Directory.CreateTempSubdirectory("conclave-heal-").FullName;
    }

    public string Repository { get; }

    public string Temporary { get; }

    /// <summary>What people call: builds when sources changed.</summary>
    public string Script => Path.Combine(Repository, "conclave");

    /// <summary>What it built. Called directly, so that an edit in the middle of a run builds nothing.</summary>
    public string Conclave => Path.Combine(Repository, "artifacts", "conclave", "conclave");

    /// <summary>The ASP.NET sample as <c>./conclave</c> built it.</summary>
    public string Sample => Path.Combine(Repository, "artifacts", "conclave", "samples", "web", "Conclave.Samples.Web.dll");

    /// <summary>Builds what changed, and finds the runtime as the script does.</summary>
    public async Task BuildAsync()
    {
        await Tool.RunAsync(Script, Temporary, "--version");
        var dotnet = (await File.ReadAllTextAsync(Path.Combine(Repository, "artifacts", "conclave", ".built"))).Trim();
        Environment.SetEnvironmentVariable("DOTNET_ROOT", dotnet);
        Environment.SetEnvironmentVariable("PATH", $"{dotnet}:{Environment.GetEnvironmentVariable("PATH")}");
    }

    public string Make(string name) => Directory.CreateDirectory(Path.Combine(Temporary, name)).FullName;

    /// <summary>A directory that nothing was in before.</summary>
    public string MakeNew(string name) => Make(string.Create(CultureInfo.InvariantCulture, $"{name}-{++_made}"));

    /// <summary>What must be ended should the run be broken off.</summary>
    public void Owe(IAsyncDisposable running) => _running.Push(running);

    /// <summary>Ends everything that was started and not yet ended; ending twice does no harm.</summary>
    public async Task EndAllAsync()
    {
        while (_running.TryPop(out var running))
            await running.DisposeAsync();
    }

    public static int FreePort()
    {
        using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        socket.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        return ((IPEndPoint)socket.LocalEndPoint!).Port;
    }

    public void Dispose()
    {
        if (!_keep && Directory.Exists(Temporary))
            Directory.Delete(Temporary, recursive: true);
    }
}
