namespace Conclave.Kubernetes;

/// <summary>
/// What we show to the server. A pod's token lives for an hour or so and is replaced in its file long before that, so the file is looked at with each request and
/// read when it has changed. Thread-safe.
/// </summary>
internal sealed class BearerToken
{
    private readonly string? _file;
    private readonly Lock _gate = new();
    private string? _token;
    private DateTime _writtenAt;

    private BearerToken(string? token, string? file) => (_token, _file) = (token, file);

    public static BearerToken Fixed(string? token) => new(token, null);

    public static BearerToken InFile(string file) => new(null, file);

    /// <summary>Null: none is shown. A file that cannot be read for a moment leaves the token as it was.</summary>
    public string? Read()
    {
        if (_file is null)
            return _token;
        lock (_gate)
        {
            try
            {
                var writtenAt = File.GetLastWriteTimeUtc(_file); // of the link's target: kubelet swaps links
                if (_token is not null && writtenAt == _writtenAt)
                    return _token;
                (_token, _writtenAt) = (File.ReadAllText(_file).Trim(), writtenAt);
            }
            catch (Exception fault) when (_token is not null && fault is IOException or UnauthorizedAccessException)
            {
                // Being replaced.
            }

            return _token;
        }
    }
}
