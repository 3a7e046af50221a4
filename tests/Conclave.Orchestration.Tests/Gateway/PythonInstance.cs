using System.Diagnostics;
using System.Globalization;
using System.Runtime.InteropServices;
using Conclave.Orchestration.Gateway;

namespace Conclave.Orchestration.Tests.Gateway;

/// <summary>An instance that is a real process, to be killed and stopped.</summary>
internal sealed partial class PythonInstance : IDisposable
{
    private const string Program = """
        import sys, time, http.server, socketserver
        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = 'HTTP/1.1'
            wbufsize = -1
            def log_message(self, *a): pass
            def answer(self):
                length = int(self.headers.get('Content-Length') or 0)
                if length: self.rfile.read(length)
                if self.command == 'POST':
                    with open(sys.argv[3], 'a') as seen: seen.write(self.path + '\n')
                if '/slow' in self.path: time.sleep(float(self.path.split('=')[1]))
                if '/big' in self.path: body = b'x' * (1 << 20)
                else: body = sys.argv[2].encode()
                self.send_response(200)
                self.send_header('Content-Length', str(len(body)))
                self.end_headers()
                self.wfile.write(body)
            do_GET = do_POST = do_OPTIONS = answer
        class Server(http.server.ThreadingHTTPServer):
            request_queue_size = 256
        server = Server(('127.0.0.1', int(sys.argv[1])), Handler)
        print(server.server_address[1], flush=True)
        server.serve_forever()
        """;

    private readonly string _posts = Path.Combine(Path.GetTempPath(), "conclave-posts-" + Guid.NewGuid().ToString("N"));
    private Process _process;

    private PythonInstance(string id)
    {
        Id = id;
        _process = Spawn(0);
    }

    public string Id { get; }

    public int Port { get; private set; }

    public GatewayInstance Instance => new() { Id = Id, Port = Port };

    /// <summary>Paths of the POST requests that reached it.</summary>
    public string[] Posts => File.Exists(_posts) ? File.ReadAllLines(_posts) : [];

    public static PythonInstance Start(string id) => new(id);

    public void Signal(int signal)
    {
        if (Kill(_process.Id, signal) != 0) throw new InvalidOperationException($"kill failed: {Marshal.GetLastPInvokeError()}");
    }

    /// <summary>kill −9 and seen dead.</summary>
    public void Kill()
    {
        Signal(9);
        _process.WaitForExit();
    }

    /// <summary>Again, on the same port.</summary>
    public void Restart()
    {
        _process.Dispose();
        _process = Spawn(Port);
    }

    public void Dispose()
    {
        if (!_process.HasExited) Kill();
        _process.Dispose();
        File.Delete(_posts);
    }

    private Process Spawn(int port)
    {
        var start = new ProcessStartInfo("python3") { RedirectStandardOutput = true };
        foreach (var argument in new[] { "-c", Program, port.ToString(CultureInfo.InvariantCulture), Id, _posts }) start.ArgumentList.Add(argument);
        var process = Process.Start(start)!;
        Port = int.Parse(process.StandardOutput.ReadLine()!, CultureInfo.InvariantCulture);
        return process;
    }

    [LibraryImport("libc", EntryPoint = "kill", SetLastError = true)]
    private static partial int Kill(int pid, int signal);
}
