using System.Text;
using Microsoft.Extensions.Options;

namespace Conclave.Etcd;

/// <summary>Fills etcd's options of an election from the configuration.</summary>
internal sealed class EtcdConfiguration(IServiceProvider services) : IConfigureNamedOptions<EtcdBackendOptions>
{
    public const string Part = "Etcd";

    public void Configure(EtcdBackendOptions options)
    {
        // Options without a name belong to no election.
    }

    public void Configure(string? name, EtcdBackendOptions options)
    {
        if (string.IsNullOrEmpty(name))
            return;

        var section = ElectionSection.Of(services, name, Part);
        options.Endpoints = section.List(nameof(options.Endpoints), options.Endpoints);
        options.Credentials = Optional(nameof(options.Credentials));
        options.CertificateAuthorityFile = Optional(nameof(options.CertificateAuthorityFile));
        options.CertificateFile = Optional(nameof(options.CertificateFile));
        options.CertificateKeyFile = Optional(nameof(options.CertificateKeyFile));
        var requestTimeout = section.Duration(nameof(options.RequestTimeout), TimeSpan.Zero);
        options.RequestTimeout = requestTimeout == TimeSpan.Zero ? options.RequestTimeout : requestTimeout;
        options.ConnectTimeout = section.Duration(nameof(options.ConnectTimeout), options.ConnectTimeout);
        options.WithdrawTimeout = section.Duration(nameof(options.WithdrawTimeout), options.WithdrawTimeout);
        options.TryTimeout = section.Duration(nameof(options.TryTimeout), options.TryTimeout);
        section.RefuseUnknownKeys();

        string? Optional(string key) => section.Text(key, "") is { Length: > 0 } text ? text : null;
    }
}

/// <summary>The rules for etcd's options, and for names that etcd's key layout cannot tell apart. Each problem names the option and the remedy.</summary>
internal sealed class EtcdValidation(IEnumerable<IConfigureOptions<EtcdBackendOptions>> configured) : IValidateOptions<EtcdBackendOptions>
{
    // The elections of this host that are decided in etcd: those that UseEtcd has configured.
    private readonly string[] _names = [.. configured.OfType<ConfigureNamedOptions<EtcdBackendOptions>>().Select(election => election.Name).OfType<string>().Distinct(StringComparer.Ordinal).Order(StringComparer.Ordinal)];

    public ValidateOptionsResult Validate(string? name, EtcdBackendOptions options)
    {
        var problems = Problems(name ?? "", options).Select(problem => $"Conclave:Elections:{name}:{problem}.").ToList();
        return problems.Count == 0 ? ValidateOptionsResult.Success : ValidateOptionsResult.Fail(problems);
    }

    private IEnumerable<string> Problems(string name, EtcdBackendOptions options)
    {
        if (options.Endpoints.Count == 0)
            yield return $"{EtcdConfiguration.Part}:Endpoints is empty: name at least one, here or as UseEtcd(\"http://localhost:2379\")";
        else if (ClientProblem(options) is { } problem)
            yield return $"{EtcdConfiguration.Part}:{problem}";
        if (options.RequestTimeout <= TimeSpan.Zero)
            yield return $"{EtcdConfiguration.Part}:RequestTimeout is {options.RequestTimeout}: must be above zero";
        if (options.ConnectTimeout <= TimeSpan.Zero)
            yield return $"{EtcdConfiguration.Part}:ConnectTimeout is {options.ConnectTimeout}: must be above zero";
        if (options.WithdrawTimeout <= TimeSpan.Zero)
            yield return $"{EtcdConfiguration.Part}:WithdrawTimeout is {options.WithdrawTimeout}: must be above zero";
        if (options.TryTimeout <= TimeSpan.Zero)
            yield return $"{EtcdConfiguration.Part}:TryTimeout is {options.TryTimeout}: must be above zero";
        if (Encoding.UTF8.GetByteCount(name) > EtcdElection.NameBytesMax)
            yield return $"the election's name has more than {EtcdElection.NameBytesMax} bytes: choose a shorter one";

        // In etcd's layout every key under NAME/ is a candidate of NAME.
        if (FirstInside(name + "/") is { } inside)
            yield return $"candidates of {inside} would stand in {name} too, whose keys begin with '{name}/': rename one of the two";
    }

    private string? FirstInside(string prefix)
    {
        var found = Array.BinarySearch(_names, prefix, StringComparer.Ordinal);
        var first = found < 0 ? ~found : found;
        return first < _names.Length && _names[first].StartsWith(prefix, StringComparison.Ordinal) ? _names[first] : null;
    }

    private static string? ClientProblem(EtcdBackendOptions options)
    {
        try
        {
            options.ClientOptions(new LeaseOptions()).Validate();
            return null;
        }
        catch (ArgumentException refused)
        {
            var told = refused.Message.Split(" (Parameter", 2)[0];
            return refused.ParamName == "endpoint" ? $"Endpoints: {told}" : told;
        }
    }
}
