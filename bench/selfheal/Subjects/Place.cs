using System.Net;
using System.Net.Sockets;

namespace Conclave.Bench.SelfHeal.Subjects;

/// <summary>Where the built product and the sample are, and where a run keeps its things.</summary>
internal sealed class Place : IDisposable
{
    private readonly bool _keep;

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

    public string Conclave => Path.Combine(Repository, "conclave");

    /// <summary>The ASP.NET sample as <c>./conclave</c> built it.</summary>
    public string Sample => Path.Combine(Repository, "artifacts", "conclave", "samples", "web", "Conclave.Samples.Web.dll");

    public string Make(string name) => Directory.CreateDirectory(Path.Combine(Temporary, name)).FullName;

    public static int FreePort()
    {
        using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        socket.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        return ((IPEndPoint)socket.LocalEndPoint!).Port;
    }

    public void Dispose()
    {
        if (!_keep)
            Directory.Delete(Temporary, recursive: true);
    }
}
