using Conclave.Store;

namespace Conclave.Peers;

/// <summary>One key in one election: entering, waiting for the turn, noticing that it was removed, leaving. One task at a time drives it, but for <see cref="WithdrawAsync"/>, which comes last.</summary>
internal sealed class Candidacy
{
    private readonly PeerGroup _group;
    private readonly ElectionBoard _board;
    private readonly string _election;
    private readonly string _value;
    private readonly CandidacyId _id;
    private readonly byte[] _key;
    private readonly Place _place;
    private bool _creationSent;
    private Revision? _entered;

    public Candidacy(PeerGroup group, ElectionBoard board, PeerLease lease, string election, string value)
    {
        (_group, _board, Lease, _election, _value) = (group, board, lease, election, value);
        _id = lease.NextCandidacy();
        _key = ElectionKeys.KeyOf(election, _id);
        _place = board.Expect(_key);
    }

    public PeerLease Lease { get; }

    /// <summary>What would be, or is, the leadership of this candidacy. Known once it has entered.</summary>
    public Leader Leader => new(_value, new FencingToken(_entered!.Value.Value));

    /// <summary>Ends when the candidacy was removed, by whomever.</summary>
    public Task Gone => _place.Gone;

    /// <summary>Stands behind whoever stands already, and waits until nobody stands before it. False: the lease is gone, or somebody removed the candidacy.</summary>
    public async Task<bool> EnterAndWaitAsync(CancellationToken cancellation)
    {
        if (await CreateAsync(ElectionKeys.Enter(_election, _id, _value), cancellation).ConfigureAwait(false) is not { } answer)
            return false;
        _entered = ElectionKeys.EnteredAt(answer);
        if (_entered is null)
            return false;
        return await Task.WhenAny(_place.First, _place.Gone).WaitAsync(cancellation).ConfigureAwait(false) == _place.First;
    }

    /// <summary>Stands if nobody else does, and says whether that came about.</summary>
    public async Task<bool> TryEnterAsync(CancellationToken cancellation)
    {
        if (await CreateAsync(ElectionKeys.EnterIfVacant(_election, _id, _value), cancellation).ConfigureAwait(false) is not { } answer)
            return false;
        _entered = ElectionKeys.EnteredAt(answer);
        return ElectionKeys.IsFirst(answer);
    }

    /// <summary>Takes the candidacy back. Never throws for a silent group, and is unknown then. To be called once.</summary>
    public async Task<ResignResult> WithdrawAsync()
    {
        _board.Forget(_key);
        if (!_creationSent)
            return ResignResult.Released;
        Command withdrawal = _entered is null ? ElectionKeys.WithdrawInDoubt(_election, _id) : ElectionKeys.Withdraw(_election, _id);
        using var patience = new CancellationTokenSource(_group.Options.WithdrawTimeout, PeerGroup.Time);
        var backoff = PeerGroup.NewBackoff();
        try
        {
            while (true)
            {
                try
                {
                    // A refusal says that the lease is gone, and the candidacy with it.
                    await _group.RunAsync(withdrawal, patience.Token).ConfigureAwait(false);
                    return ResignResult.Released;
                }
                catch (NoAnswerException)
                {
                    await backoff.PauseAsync(patience.Token).ConfigureAwait(false);
                }
            }
        }
        catch (Exception silence) when (silence is OperationCanceledException or ElectionException)
        {
            Lease.RepeatUntilAnswered(withdrawal);
            return ResignResult.Unknown;
        }
    }

    /// <summary>Null: refused, because the lease is gone.</summary>
    private async Task<CommandResult.Txn?> CreateAsync(Command.Txn creation, CancellationToken cancellation)
    {
        var backoff = PeerGroup.NewBackoff();
        _creationSent = true;
        while (true)
        {
            try
            {
                return await _group.RunAsync(creation, cancellation).ConfigureAwait(false) as CommandResult.Txn;
            }
            catch (NoAnswerException)
            {
                await backoff.PauseAsync(cancellation).ConfigureAwait(false);
            }
        }
    }
}
