namespace Conclave;

/// <summary>
/// Sends the fencing token with each request of an <see cref="HttpClient"/>, in the header <see cref="FencingHeader.Name"/>, so that the server can refuse a leader of the past; and sends nothing
/// once the leadership is known to be over. With the client factory: <c>AddHttpClient&lt;Telephony&gt;().AddHttpMessageHandler(() => new FencingTokenHandler())</c>. Thread-safe.
/// </summary>
/// <remarks>
/// The token is that of the leadership under which the calling code was started (<see cref="AmbientLeadership"/>), never that of a later one: what a former leadership left behind must not
/// pass with a new token.
/// </remarks>
public sealed class FencingTokenHandler : DelegatingHandler
{
    private readonly Leadership? _leadership;

    /// <summary>Acts for the leadership that the calling code acts for.</summary>
    public FencingTokenHandler() { }

    /// <summary>Acts for one leadership: for a client that lives no longer than it.</summary>
    public FencingTokenHandler(Leadership leadership)
    {
        ArgumentNullException.ThrowIfNull(leadership);
        _leadership = leadership;
    }

    /// <inheritdoc/>
    /// <exception cref="LeadershipLostException">The leadership is over; nothing was sent.</exception>
    /// <exception cref="InvalidOperationException">The calling code acts for no leadership; nothing was sent.</exception>
    protected override Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken) => base.SendAsync(WithToken(request), cancellationToken);

    /// <inheritdoc/>
    protected override HttpResponseMessage Send(HttpRequestMessage request, CancellationToken cancellationToken) => base.Send(WithToken(request), cancellationToken);

    private HttpRequestMessage WithToken(HttpRequestMessage request)
    {
        ArgumentNullException.ThrowIfNull(request);
        var leadership = _leadership ?? AmbientLeadership.Current ?? throw new InvalidOperationException(
            "This client sends a fencing token, but the calling code acts for no leadership. Call it from a leader service, or within AmbientLeadership.Enter(leadership).");
        leadership.ThrowIfLost();
        request.Headers.Remove(FencingHeader.Name);
        request.Headers.Add(FencingHeader.Name, leadership.FencingToken.ToString());
        return request;
    }
}
