using Conclave.Wire.Grpc;

namespace Conclave.Wire.Etcd;

/// <summary>
/// Who we are to an etcd with authentication. Name and password are exchanged for a token, which goes with every call until etcd takes it no more: tokens end after minutes without use, and with every
/// change of users and roles. Thread-safe; one exchange at a time.
/// </summary>
internal sealed class Login : IDisposable
{
    private const string IsOff = "etcdserver: authentication is not enabled";

    // How etcd refuses a call whose token it does not take; the streams of watches say the first where they mean any of them.
    private static readonly string[] Stale =
    [
        "etcdserver: permission denied", "etcdserver: invalid auth token", "etcdserver: revision of auth store is old", "etcdserver: user name is empty",
    ];

    private readonly SemaphoreSlim _one = new(1, 1);
    private readonly AuthenticateRequest? _request;
    private string? _token;

    public Login(string? credentials)
    {
        if (credentials?.Split(':', 2) is [var name, var password]) _request = new AuthenticateRequest { Name = name, Password = password };
    }

    /// <summary>Null: none was asked for yet, or it is taken no more. Empty: etcd wants none.</summary>
    public string? Token => Volatile.Read(ref _token);

    /// <summary>Returns with a token where one is needed.</summary>
    /// <exception cref="GrpcException">No answer, or name and password are wrong; what was to be called has not been sent.</exception>
    public async ValueTask EnterAsync(GrpcChannel channel, TimeSpan timeout, CancellationToken cancellation)
    {
        if (_request is null || Token is not null) return;
        if (!await _one.WaitAsync(timeout, cancellation).ConfigureAwait(false))
            throw new GrpcException(GrpcStatus.DeadlineExceeded, "context deadline exceeded") { NothingSent = true };
        try
        {
            if (Token is null) Volatile.Write(ref _token, await AskAsync(channel, timeout, cancellation).ConfigureAwait(false));
        }
        finally
        {
            _one.Release();
        }
    }

    /// <summary>Whether a refused call may succeed with another token. It had no effect.</summary>
    public bool MayBeStale(GrpcException refusal) =>
        _request is not null && (refusal.Status == GrpcStatus.Unauthenticated || (refusal.Status == GrpcStatus.InvalidArgument && Stale.Contains(refusal.Message)));

    /// <summary>The same for a watch, which is refused in a response.</summary>
    public bool MayBeStale(WatchResponse refusal) =>
        _request is not null && refusal.Canceled && Array.Exists(Stale, text => refusal.CancelReason.Contains(text, StringComparison.Ordinal));

    /// <summary>The next to enter asks for another, unless somebody who was refused earlier has one already.</summary>
    public void Forget(string? token) => Interlocked.CompareExchange(ref _token, null, token);

    public void Dispose() => _one.Dispose();

    private async Task<string> AskAsync(GrpcChannel channel, TimeSpan timeout, CancellationToken cancellation)
    {
        try
        {
            return (await channel.UnaryAsync(EtcdMethods.Authenticate, _request!, timeout, cancellation).ConfigureAwait(false)).Token;
        }
        catch (GrpcException off) when (off.Status == GrpcStatus.Unimplemented || (off.Status == GrpcStatus.FailedPrecondition && off.Message == IsOff))
        {
            return ""; // the first is a server that has no users, such as Conclave's own
        }
        catch (GrpcException failed)
        {
            throw new GrpcException(failed.Status, failed.Message, failed) { NothingSent = true };
        }
    }
}
