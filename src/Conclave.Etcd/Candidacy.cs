using System.Diagnostics.CodeAnalysis;
using Conclave.Wire.Etcd;
using Google.Protobuf;

namespace Conclave.Etcd;

/// <summary>
/// One key in one election: entering, waiting for the turn, noticing that it was removed, leaving. Each step may be repeated after a lost answer.
/// One task at a time drives it, but for <see cref="WithdrawAsync"/>, which comes last.
/// </summary>
[SuppressMessage("Design", "CA1001", Justification = "WithdrawAsync, which every candidacy ends with, disposes it.")]
internal sealed class Candidacy
{
    private readonly EtcdSession _session;
    private readonly ElectionKeys _keys;
    private readonly string _value;
    private readonly ByteString _key;
    private readonly CancellationTokenSource _watching = new();
    private Task _watch = Task.CompletedTask;
    private long? _createRevision;

    // A creation was sent and its answer is missing, so a second copy may still be on its way when the key is deleted.
    private bool _creationInDoubt;

    public Candidacy(EtcdSession session, EtcdLease lease, ElectionKeys keys, string value)
    {
        (_session, Lease, _keys, _value) = (session, lease, keys, value);
        _key = keys.KeyOf(lease.Id);
    }

    public EtcdLease Lease { get; }

    /// <summary>What would be, or is, the leadership of this candidacy. Known once it has entered.</summary>
    public Leader Leader => new(_value, new FencingToken(_createRevision!.Value));

    /// <summary>Stands for election, behind whoever stands already.</summary>
    public async Task EnterAsync(CancellationToken cancellation)
    {
        var answer = await CreateAsync(_keys.Enter(Lease.Id, _value), cancellation).ConfigureAwait(false);
        _createRevision = answer.Succeeded ? answer.Header.Revision : answer.Responses[0].ResponseRange.Kvs[0].CreateRevision;
    }

    /// <summary>Stands for election if nobody else does, and says whether that came about.</summary>
    public async Task<bool> TryEnterAsync(CancellationToken cancellation)
    {
        var answer = await CreateAsync(_keys.EnterIfVacant(Lease.Id, _value), cancellation).ConfigureAwait(false);
        if (answer.Succeeded)
        {
            _createRevision = answer.Header.Revision;
            return true;
        }

        // An earlier copy of this very request may have won.
        var first = answer.Responses[0].ResponseRange.Kvs.FirstOrDefault();
        var own = answer.Responses[1].ResponseRange.Kvs.FirstOrDefault();
        _createRevision = own?.CreateRevision;
        return own is not null && first is not null && first.Key == own.Key;
    }

    /// <summary>Waits until nobody stands before us. False when somebody removed our key meanwhile.</summary>
    public async Task<bool> WaitForTurnAsync(CancellationToken cancellation)
    {
        var backoff = _session.NewBackoff();
        while (true)
        {
            try
            {
                var answer = await _session.Client.TxnAsync(_keys.Predecessor(_key, _createRevision!.Value), cancellation).ConfigureAwait(false);
                if (!answer.Succeeded)
                    return false;
                if (answer.Responses[0].ResponseRange.Kvs.FirstOrDefault() is not { } predecessor)
                    return true;
                await WaitForDeletionAsync(predecessor.Key, answer.Header.Revision + 1, cancellation).ConfigureAwait(false);
                backoff.Reset();
            }
            catch (Exception fault) when (EtcdFault.IsSilence(fault))
            {
                await backoff.PauseAsync(cancellation).ConfigureAwait(false);
            }
        }
    }

    /// <summary>Watches the key under the leadership until the withdrawal and says so if it goes away although the lease lives.</summary>
    public void WatchOver(LeadershipSource leadership) => _watch = WatchOverAsync(leadership, _watching.Token);

    /// <summary>Takes the candidacy back. Never throws for a silent server, and is unknown then. To be called once.</summary>
    public async Task<ResignResult> WithdrawAsync()
    {
        await _watching.CancelAsync().ConfigureAwait(false);
        await _watch.ConfigureAwait(false);
        _watching.Dispose();

        var deleted = await DeleteAsync().ConfigureAwait(false);
        if (deleted && !_creationInDoubt)
        {
            Lease.Leave();
            return ResignResult.Released;
        }

        Lease.LeaveInDoubt(_key);
        return deleted ? ResignResult.Released : ResignResult.Unknown;
    }

    private async Task<TxnResponse> CreateAsync(TxnRequest request, CancellationToken cancellation)
    {
        var backoff = _session.NewBackoff();
        while (true)
        {
            try
            {
                return await _session.Client.TxnAsync(request, cancellation).ConfigureAwait(false);
            }
            catch (OperationCanceledException)
            {
                _creationInDoubt = true;
                throw;
            }
            catch (Exception fault) when (EtcdFault.IsSilence(fault))
            {
                _creationInDoubt = true;
                await backoff.PauseAsync(cancellation).ConfigureAwait(false);
            }
        }
    }

    private async Task WaitForDeletionAsync(ByteString key, long fromRevision, CancellationToken cancellation)
    {
        var watch = new WatchCreateRequest { Key = key, StartRevision = fromRevision };
        try
        {
            await foreach (var response in _session.Client.WatchAsync(watch, cancellation).ConfigureAwait(false))
            {
                if (response.Events.Any(change => change.Type == Event.Types.EventType.Delete))
                    return;
            }
        }
        catch (EtcdCompactedException)
        {
            // What we missed is in what is read next: the caller asks anew who stands before us.
        }
    }

    private async Task WatchOverAsync(LeadershipSource leadership, CancellationToken withdrawn)
    {
        var backoff = _session.NewBackoff();
        try
        {
            while (true)
            {
                try
                {
                    var answer = await _session.Client.TxnAsync(_keys.Predecessor(_key, _createRevision!.Value), withdrawn).ConfigureAwait(false);
                    if (!answer.Succeeded)
                    {
                        leadership.Lose(LossReason.Removed);
                        return;
                    }

                    await WaitForDeletionAsync(_key, answer.Header.Revision + 1, withdrawn).ConfigureAwait(false);
                }
                catch (EtcdException)
                {
                    // Silence is for the lease to judge, and so is a refusal: neither says that the key is gone.
                    await backoff.PauseAsync(withdrawn).ConfigureAwait(false);
                }
            }
        }
        catch (OperationCanceledException) when (withdrawn.IsCancellationRequested)
        {
            // The leadership is over and somebody waits for this watch to end.
        }
    }

    private async Task<bool> DeleteAsync()
    {
        using var patience = new CancellationTokenSource(_session.Options.WithdrawTimeout);
        var backoff = _session.NewBackoff();
        var request = _createRevision is { } created ? ElectionKeys.Withdraw(_key, created) : ElectionKeys.WithdrawAny(_key, Lease.Id);
        try
        {
            while (true)
            {
                try
                {
                    await _session.Client.TxnAsync(request, patience.Token).ConfigureAwait(false);
                    return true;
                }
                catch (Exception fault) when (EtcdFault.IsSilence(fault))
                {
                    await backoff.PauseAsync(patience.Token).ConfigureAwait(false);
                }
            }
        }
        catch (Exception fault) when (fault is EtcdException or OperationCanceledException)
        {
            return false;
        }
    }
}
