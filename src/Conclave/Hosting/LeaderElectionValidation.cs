using Microsoft.Extensions.Options;

namespace Conclave;

/// <summary>The rules for <see cref="LeaderElectionOptions"/>. Each problem names the option as it stands in the configuration, and the remedy.</summary>
internal sealed class LeaderElectionValidation : IValidateOptions<LeaderElectionOptions>
{
    private const int ConnectAttemptsMax = 1000;

    public ValidateOptionsResult Validate(string? name, LeaderElectionOptions options)
    {
        var problems = Problems(options).Select(problem => $"{ElectionSection.Root}:{name}:{problem}.").ToList();
        return problems.Count == 0 ? ValidateOptionsResult.Success : ValidateOptionsResult.Fail(problems);
    }

    private static IEnumerable<string> Problems(LeaderElectionOptions options)
    {
        if (options.Backend is null)
            yield return "Backend is not chosen: call UseEtcd(\"http://localhost:2379\"), UseInMemory() or another backend's method where the election is added";
        if (string.IsNullOrEmpty(options.Value))
            yield return "Value is empty: leave it out to publish the candidate's name, or set what observers shall read";
        if (options.ConnectAttempts is < 0 or > ConnectAttemptsMax)
            yield return $"ConnectAttempts is {options.ConnectAttempts}: must be 1 to {ConnectAttemptsMax}, or 0 to start without asking";
        if (options.ConnectDelayMin <= TimeSpan.Zero)
            yield return $"ConnectDelayMin is {options.ConnectDelayMin}: must be above zero";
        if (options.ConnectDelayMax < options.ConnectDelayMin)
            yield return $"ConnectDelayMax is {options.ConnectDelayMax}: must not be below ConnectDelayMin ({options.ConnectDelayMin})";
        if (options.RestartDelayMin <= TimeSpan.Zero)
            yield return $"RestartDelayMin is {options.RestartDelayMin}: must be above zero";
        if (options.RestartDelayMax < options.RestartDelayMin)
            yield return $"RestartDelayMax is {options.RestartDelayMax}: must not be below RestartDelayMin ({options.RestartDelayMin})";
        if (options.StopTimeout <= TimeSpan.Zero)
            yield return $"StopTimeout is {options.StopTimeout}: must be above zero";
        if (options.HealthInterval <= TimeSpan.Zero)
            yield return $"HealthInterval is {options.HealthInterval}: must be above zero";
        if (LeaseProblem(options.Lease) is { } problem)
            yield return problem;
    }

    private static string? LeaseProblem(LeaseOptions lease)
    {
        try
        {
            lease.Validate();
            return null;
        }
        catch (ArgumentOutOfRangeException refused)
        {
            return $"Lease:{refused.ParamName} is {refused.ActualValue}: {refused.Message.Split(" (Parameter", 2)[0].TrimEnd('.')}";
        }
    }
}
