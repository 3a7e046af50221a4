using Microsoft.Extensions.Logging;

namespace Conclave;

/// <summary>Asks at an interval whether this instance is fit to lead. No answer in time, and an exception, are a no. For one task at a time.</summary>
internal sealed class FitnessGate(string election, Func<CancellationToken, Task<bool>> isFit, TimeSpan interval, TimeProvider time, ILogger log)
{
    private Task<bool> _question = Task.FromResult(false);

    /// <summary>Returns at the first answer of the kind asked for, the first question being asked now.</summary>
    public async Task UntilAsync(bool fit, CancellationToken cancellation)
    {
        while (await AskAsync(cancellation).ConfigureAwait(false) != fit)
            await Task.Delay(interval, time, cancellation).ConfigureAwait(false);
        if (fit)
            Log.Fit(log, election);
        else
            Log.Unfit(log, election);
    }

    private async Task<bool> AskAsync(CancellationToken cancellation)
    {
        try
        {
            // Not every check heeds its token: one that hangs is waited for again rather than joined by another.
            if (_question.IsCompleted)
                _question = Task.Run(() => QuestionAsync(cancellation), CancellationToken.None);
            return await _question.WaitAsync(interval, time, cancellation).ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (cancellation.IsCancellationRequested)
        {
            throw;
        }
        catch (Exception fault)
        {
            Log.FitnessUnknown(log, election, fault.Message);
            return false;
        }
    }

    private async Task<bool> QuestionAsync(CancellationToken cancellation)
    {
        using var late = new CancellationTokenSource(interval, time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(cancellation, late.Token);
        return await isFit(either.Token).ConfigureAwait(false);
    }
}
