namespace Conclave.Orchestration.Gateway;

/// <summary>One process of a service as this gateway sees it: its connections, its requests in flight and what was last heard of it.</summary>
internal sealed class Backend
{
    private readonly Lock _gate = new();
    private readonly TryList _unanswered = new();
    private int _inFlight;
    private long _heardMs;
    private long _requests;
    private long _failures;
    private bool _closed;

    public Backend(GatewayInstance instance, GatewayOptions options)
    {
        Instance = instance;
        Prefix = new UriBuilder(Uri.UriSchemeHttp, instance.Host, instance.Port).Uri.GetLeftPart(UriPartial.Authority);
        Connections = InstanceConnections.Open(this, options);
    }

    /// <summary>As in the newest table that lists it.</summary>
    public GatewayInstance Instance { get; set; }

    public string Id => Instance.Id;

    public string Prefix { get; }

    public HttpMessageInvoker Connections { get; }

    /// <summary>Tries being answered, streams included.</summary>
    public int InFlight => Volatile.Read(ref _inFlight);

    public long Requests => Volatile.Read(ref _requests);

    public long Failures => Volatile.Read(ref _failures);

    /// <summary>Environment.TickCount64 of the last byte from it, or of the moment when it first had something to say.</summary>
    public long HeardMs => Volatile.Read(ref _heardMs);

    /// <summary>Why our own checks keep it out of rotation; null when they do not. Written under the rotation's lock.</summary>
    public string? OutWhy { get; set; }

    public long OutSinceMs { get; set; }

    public long TakenOut { get; set; }

    /// <summary>No table lists it any more.</summary>
    public bool Removed { get; set; }

    /// <summary>The probe under way, if any; only the health loop touches it.</summary>
    public Task? Probe { get; set; }

    public long NextProbeMs { get; set; }

    public bool InRotation => OutWhy is null && !Removed && Instance.State == GatewayInstanceState.Ready;

    public void Heard() => Volatile.Write(ref _heardMs, Environment.TickCount64);

    /// <summary>False when it left the rotation after it was chosen: choose again.</summary>
    public bool TryEnter(Attempt attempt)
    {
        lock (_gate)
        {
            if (_closed) return false;
            if (_unanswered.IsEmpty) Volatile.Write(ref _heardMs, attempt.StartedMs);
            _unanswered.Append(attempt);
        }

        Interlocked.Increment(ref _inFlight);
        Interlocked.Increment(ref _requests);
        return true;
    }

    /// <summary>The answer of a try began. False when we gave the try up just before.</summary>
    public bool Begun(Attempt attempt)
    {
        lock (_gate)
        {
            if (attempt.Cut != CutWhy.None) return false;
            _unanswered.Remove(attempt);
            return true;
        }
    }

    /// <summary>A try ended. Afterwards nobody but its request holds it, unless it was cut.</summary>
    public void Leave(Attempt attempt, bool failed)
    {
        lock (_gate) _unanswered.Remove(attempt);
        Interlocked.Decrement(ref _inFlight);
        if (failed) Interlocked.Increment(ref _failures);
    }

    /// <summary>Whether new tries may enter.</summary>
    public void SetClosed(bool closed)
    {
        lock (_gate) _closed = closed;
    }

    /// <summary>How long the oldest try has been without an answer, and whether there is one.</summary>
    public bool TryGetOldestUnanswered(out long startedMs)
    {
        lock (_gate)
        {
            startedMs = _unanswered.First?.StartedMs ?? 0;
            return !_unanswered.IsEmpty;
        }
    }

    /// <summary>Gives up the unanswered tries that <paramref name="choose"/> picks; each then goes on as <see cref="RetryRule"/> says.</summary>
    public void Cut(CutWhy why, Func<Attempt, bool> choose)
    {
        List<Attempt>? cut = null;
        lock (_gate)
        {
            for (var attempt = _unanswered.First; attempt is not null;)
            {
                var next = attempt.Next;
                if (choose(attempt))
                {
                    attempt.Cut = why;
                    _unanswered.Remove(attempt);
                    (cut ??= []).Add(attempt);
                }

                attempt = next;
            }
        }

        // Outside the lock: cancelling runs continuations. A cut try is never used again, so a late cancel hits nothing else.
        foreach (var attempt in cut ?? []) attempt.Cancel();
    }

    /// <summary>A list through the tries themselves, oldest first: entering and leaving allocate nothing.</summary>
    private sealed class TryList
    {
        private Attempt? _last;

        public Attempt? First { get; private set; }

        public bool IsEmpty => First is null;

        public void Append(Attempt attempt)
        {
            attempt.Previous = _last;
            attempt.Next = null;
            attempt.Linked = true;
            if (_last is null) First = attempt;
            else _last.Next = attempt;
            _last = attempt;
        }

        public void Remove(Attempt attempt)
        {
            if (!attempt.Linked) return;
            if (attempt.Previous is null) First = attempt.Next;
            else attempt.Previous.Next = attempt.Next;
            if (attempt.Next is null) _last = attempt.Previous;
            else attempt.Next.Previous = attempt.Previous;
            attempt.Previous = attempt.Next = null;
            attempt.Linked = false;
        }
    }
}
