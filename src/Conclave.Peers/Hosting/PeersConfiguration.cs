using Microsoft.Extensions.Options;

namespace Conclave.Peers;

/// <summary>Fills the group's options of an election from the configuration.</summary>
internal sealed class PeersConfiguration(IServiceProvider services) : IConfigureNamedOptions<PeerGroupOptions>
{
    public const string Part = "Peers";

    public void Configure(PeerGroupOptions options)
    {
        // Options without a name belong to no election.
    }

    public void Configure(string? name, PeerGroupOptions options)
    {
        if (string.IsNullOrEmpty(name))
            return;

        var section = ElectionSection.Of(services, name, Part);
        options.Name = section.Text(nameof(options.Name), options.Name);
        options.Peers = section.List(nameof(options.Peers), options.Peers);
        options.Directory = section.Text(nameof(options.Directory), options.Directory);
        options.Group = section.Text(nameof(options.Group), options.Group);
        var listen = section.Text(nameof(options.Listen), "");
        options.Listen = listen.Length == 0 ? options.Listen : listen;
        options.HeartbeatInterval = section.Duration(nameof(options.HeartbeatInterval), options.HeartbeatInterval);
        options.ElectionTimeout = section.Duration(nameof(options.ElectionTimeout), options.ElectionTimeout);
        options.FastPreVote = section.Flag(nameof(options.FastPreVote), options.FastPreVote);
        options.Insecure = section.Flag(nameof(options.Insecure), options.Insecure);
        options.TryTimeout = section.Duration(nameof(options.TryTimeout), options.TryTimeout);
        options.WithdrawTimeout = section.Duration(nameof(options.WithdrawTimeout), options.WithdrawTimeout);
        options.HistoryMax = section.Count(nameof(options.HistoryMax), options.HistoryMax);
        section.RefuseUnknownKeys();
    }
}

/// <summary>An election of this host that its instances decide among themselves.</summary>
internal sealed record PeersElectionName(string Name);

/// <summary>The rules for the group's options, and that elections which share a directory agree in everything. Each problem names the option and the remedy.</summary>
internal sealed class PeersValidation(IEnumerable<PeersElectionName> elections) : IValidateOptions<PeerGroupOptions>
{
    private readonly Lock _gate = new();
    private readonly Dictionary<string, (string Election, string Terms)> _byDirectory = new(StringComparer.Ordinal);

    public ValidateOptionsResult Validate(string? name, PeerGroupOptions options)
    {
        if (!elections.Any(election => election.Name == name))
            return ValidateOptionsResult.Skip;
        var problems = PeerGroupRules.Problems(options).Select(problem => $"Conclave:Elections:{name}:{PeersConfiguration.Part}:{problem}.").ToList();
        if (problems.Count == 0 && Disagreement(name!, options) is { } other)
            problems.Add($"Conclave:Elections:{name}:{PeersConfiguration.Part}:Directory is that of {other}, with other settings: elections that share a directory share one member, so make them equal, or choose another directory.");
        return problems.Count == 0 ? ValidateOptionsResult.Success : ValidateOptionsResult.Fail(problems);
    }

    private string? Disagreement(string name, PeerGroupOptions options)
    {
        var terms = string.Join('|',
            options.Name, string.Join(',', options.Peers), options.Group, options.Listen, options.HeartbeatInterval, options.ElectionTimeout, options.Lease, options.FastPreVote, options.Insecure,
            options.TryTimeout, options.WithdrawTimeout, options.HistoryMax);
        lock (_gate)
        {
            var directory = Path.GetFullPath(options.Directory);
            if (_byDirectory.TryGetValue(directory, out var known))
                return known.Terms == terms ? null : known.Election;
            _byDirectory.Add(directory, (name, terms));
            return null;
        }
    }
}
