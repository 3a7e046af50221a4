using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Options;

namespace Conclave.Kubernetes;

/// <summary>Fills the Kubernetes options of an election from the configuration.</summary>
internal sealed class KubernetesConfiguration(IServiceProvider services) : IConfigureNamedOptions<KubernetesBackendOptions>
{
    public const string Part = "Kubernetes";

    public void Configure(KubernetesBackendOptions options)
    {
        // Options without a name belong to no election.
    }

    public void Configure(string? name, KubernetesBackendOptions options)
    {
        if (string.IsNullOrEmpty(name))
            return;

        var section = ElectionSection.Of(services, name, Part);
        options.Server = Optional(nameof(options.Server));
        options.Token = Optional(nameof(options.Token));
        options.TokenFile = Optional(nameof(options.TokenFile));
        options.CertificateAuthorityFile = Optional(nameof(options.CertificateAuthorityFile));
        options.Namespace = Optional(nameof(options.Namespace));
        options.LeaseName = Optional(nameof(options.LeaseName));
        options.Identity = section.Text(nameof(options.Identity), options.Identity);
        options.RequestTimeout = section.Duration(nameof(options.RequestTimeout), options.RequestTimeout);
        options.ConnectTimeout = section.Duration(nameof(options.ConnectTimeout), options.ConnectTimeout);
        options.PollInterval = section.Duration(nameof(options.PollInterval), options.PollInterval);
        options.WithdrawTimeout = section.Duration(nameof(options.WithdrawTimeout), options.WithdrawTimeout);
        options.TryTimeout = section.Duration(nameof(options.TryTimeout), options.TryTimeout);
        section.RefuseUnknownKeys();

        string? Optional(string key) => section.Text(key, "") is { Length: > 0 } text ? text : null;
    }
}

/// <summary>An election of this host that is decided in a Lease.</summary>
internal sealed record KubernetesElectionName(string Name);

/// <summary>The rules for the Kubernetes options of an election, for its name, and for its lease. Each problem names the option and the remedy.</summary>
internal sealed class KubernetesValidation(IServiceProvider services, IEnumerable<KubernetesElectionName> elections) : IValidateOptions<KubernetesBackendOptions>
{
    public ValidateOptionsResult Validate(string? name, KubernetesBackendOptions options)
    {
        var problems = Problems(name ?? "", options).Select(problem => $"Conclave:Elections:{name}:{problem}").ToList();
        return problems.Count == 0 ? ValidateOptionsResult.Success : ValidateOptionsResult.Fail(problems);
    }

    // The options of a host have the names of the client's, in another place.
    private static string? Problem(Action check)
    {
        try
        {
            check();
            return null;
        }
        catch (ArgumentException refused)
        {
            var told = refused.Message.Split(" (Parameter", 2)[0].TrimEnd('.');
            const string Client = nameof(KubernetesClientOptions) + ".";
            return told.StartsWith(Client, StringComparison.Ordinal) ? $"{KubernetesConfiguration.Part}:{told[Client.Length..]}." : $"{KubernetesConfiguration.Part}: {told}.";
        }
    }

    private IEnumerable<string> Problems(string name, KubernetesBackendOptions options)
    {
        if ((Problem(options.Client.Validate) ?? Problem(() => ClusterAccess.Resolve(options.Client))) is { } problem)
            yield return problem;
        var lease = services.GetRequiredService<IOptionsMonitor<LeaderElectionOptions>>().Get(name).Lease;
        if (KubernetesElectionOptions.TtlProblem(lease) is { } ttl)
            yield return $"Lease:Ttl {ttl}.";

        if (Problem(() => LeaseName.Of(name, options.LeaseName)) is { } naming)
        {
            yield return naming;
            yield break;
        }

        // Only names that become the same by rule are looked for here: a chosen one is on purpose, and the Lease itself says whose it is.
        var other = elections.Select(election => election.Name).FirstOrDefault(other => other != name && other.Replace('/', '.') == LeaseName.Of(name, options.LeaseName));
        if (other is not null && options.LeaseName is null)
            yield return $"{KubernetesConfiguration.Part}: its Lease would be '{LeaseName.Of(name, null)}', which is that of {other} too: rename one of the two or set LeaseName.";
    }
}
