using Microsoft.Extensions.Options;

namespace Conclave.ZooKeeper;

/// <summary>Fills ZooKeeper's options of an election from the configuration.</summary>
internal sealed class ZooKeeperConfiguration(IServiceProvider services) : IConfigureNamedOptions<ZooKeeperBackendOptions>
{
    public const string Part = "ZooKeeper";

    public void Configure(ZooKeeperBackendOptions options)
    {
        // Options without a name belong to no election.
    }

    public void Configure(string? name, ZooKeeperBackendOptions options)
    {
        if (string.IsNullOrEmpty(name))
            return;

        var section = ElectionSection.Of(services, name, Part);
        options.Servers = section.List(nameof(options.Servers), options.Servers);
        var answerTimeout = section.Duration(nameof(options.AnswerTimeout), TimeSpan.Zero);
        options.AnswerTimeout = answerTimeout == TimeSpan.Zero ? options.AnswerTimeout : answerTimeout;
        var credentials = section.Text(nameof(options.Credentials), "");
        options.Credentials = credentials.Length == 0 ? options.Credentials : credentials;
        var names = section.Text(nameof(options.NodeNames), options.NodeNames.ToString());
        options.NodeNames = Enum.TryParse<ZooKeeperNodeNames>(names, ignoreCase: true, out var parsed) && Enum.IsDefined(parsed)
            ? parsed
            : throw new OptionsValidationException(name, typeof(ZooKeeperBackendOptions), [ZooKeeperValidation.Told(name, $"{Part}:NodeNames is '{names}': {ZooKeeperValidation.ChooseNames}")]);
        options.WithdrawTimeout = section.Duration(nameof(options.WithdrawTimeout), options.WithdrawTimeout);
        options.TryTimeout = section.Duration(nameof(options.TryTimeout), options.TryTimeout);
        section.RefuseUnknownKeys();
    }
}

/// <summary>The rules for ZooKeeper's options, alone and with the election's lease. Each problem names the option and the remedy.</summary>
internal sealed class ZooKeeperValidation(IOptionsMonitor<LeaderElectionOptions> elections) : IValidateOptions<ZooKeeperBackendOptions>
{
    public static string ChooseNames => $"choose one of {string.Join(", ", Enum.GetNames<ZooKeeperNodeNames>())}";

    public static string Told(string election, string problem) => $"Conclave:Elections:{election}:{problem}.";

    public ValidateOptionsResult Validate(string? name, ZooKeeperBackendOptions options)
    {
        var election = name ?? "";
        var problems = Problems(election, options, elections.Get(election).Lease).Select(problem => Told(election, problem)).ToList();
        return problems.Count == 0 ? ValidateOptionsResult.Success : ValidateOptionsResult.Fail(problems);
    }

    private static IEnumerable<string> Problems(string name, ZooKeeperBackendOptions options, LeaseOptions lease)
    {
        const string Part = ZooKeeperConfiguration.Part;
        if (options.Servers.Count == 0)
            yield return $"{Part}:Servers is empty: name at least one, here or as UseZooKeeper(\"localhost:2181\")";
        foreach (var problem in options.Servers.Select(ServerProblem).OfType<string>())
            yield return $"{Part}:Servers: {problem}";
        if (options.AnswerTimeout is { } patience && (patience <= TimeSpan.Zero || patience > lease.Ttl / 3))
            yield return $"{Part}:AnswerTimeout is {patience}: must be above zero and at most a third of Lease:Ttl, which is {lease.Ttl}, or a silent server costs the leadership";
        if (options.Credentials is { } credentials && credentials.IndexOf(':', StringComparison.Ordinal) <= 0)
            yield return $"{Part}:Credentials must be 'name:password'";
        if (!Enum.IsDefined(options.NodeNames))
            yield return $"{Part}:NodeNames is {options.NodeNames}: {ChooseNames}";
        if (options.WithdrawTimeout <= TimeSpan.Zero)
            yield return $"{Part}:WithdrawTimeout is {options.WithdrawTimeout}: must be above zero";
        if (options.TryTimeout <= TimeSpan.Zero)
            yield return $"{Part}:TryTimeout is {options.TryTimeout}: must be above zero";
        if (lease.Ttl < ZooKeeperClientOptions.SessionTimeoutMin)
            yield return $"Lease:Ttl is {lease.Ttl}: in ZooKeeper it is the session's timeout, which is at least {ZooKeeperClientOptions.SessionTimeoutMin.TotalMilliseconds} ms";
        if (lease.StopMargin > lease.Ttl / 3)
            yield return $"Lease:StopMargin is {lease.StopMargin}: in ZooKeeper a leader stops a third of Lease:Ttl before its session can end; raise Lease:Ttl to three times the margin";
        if (NameProblem(name) is { } refused)
            yield return refused;
    }

    private static string? ServerProblem(string server) => ProblemOf(() => ServerAddress.Parse(server));

    private static string? NameProblem(string name) => ProblemOf(() => ElectionPath.Of(name));

    private static string? ProblemOf(Func<object> parse)
    {
        try
        {
            _ = parse();
            return null;
        }
        catch (ArgumentException refused)
        {
            return refused.Message.Split(" (Parameter", 2)[0].TrimEnd('.');
        }
    }
}
