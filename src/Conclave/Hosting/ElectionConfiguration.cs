using Microsoft.Extensions.Options;

namespace Conclave;

/// <summary>Fills the options of an election from its section of the configuration, then from code.</summary>
internal sealed class ElectionConfiguration(IServiceProvider services, HostedElections elections) : IConfigureNamedOptions<LeaderElectionOptions>
{
    public void Configure(LeaderElectionOptions options)
    {
        // Options without a name belong to no election.
    }

    public void Configure(string? name, LeaderElectionOptions options)
    {
        if (string.IsNullOrEmpty(name))
            return;

        var section = ElectionSection.Of(services, name);
        options.Value = section.Text(nameof(options.Value), options.Value);
        options.ConnectAttempts = section.Count(nameof(options.ConnectAttempts), options.ConnectAttempts);
        options.ConnectDelayMin = section.Duration(nameof(options.ConnectDelayMin), options.ConnectDelayMin);
        options.ConnectDelayMax = section.Duration(nameof(options.ConnectDelayMax), options.ConnectDelayMax);
        options.RestartDelayMin = section.Duration(nameof(options.RestartDelayMin), options.RestartDelayMin);
        options.RestartDelayMax = section.Duration(nameof(options.RestartDelayMax), options.RestartDelayMax);
        options.StopTimeout = section.Duration(nameof(options.StopTimeout), options.StopTimeout);
        options.HealthInterval = section.Duration(nameof(options.HealthInterval), options.HealthInterval);
        options.WatchLeader = section.Flag(nameof(options.WatchLeader), options.WatchLeader);
        section.RefuseUnknownKeys();

        var lease = ElectionSection.Of(services, name, nameof(options.Lease));
        options.Lease = options.Lease with
        {
            Ttl = lease.Duration(nameof(LeaseOptions.Ttl), options.Lease.Ttl),
            RenewalsPerTtl = lease.Count(nameof(LeaseOptions.RenewalsPerTtl), options.Lease.RenewalsPerTtl),
            ClockRateMargin = lease.Number(nameof(LeaseOptions.ClockRateMargin), options.Lease.ClockRateMargin),
            StopMargin = lease.Duration(nameof(LeaseOptions.StopMargin), options.Lease.StopMargin),
        };
        lease.RefuseUnknownKeys();
        elections.Find(name)?.Configuration?.Invoke(options);
    }
}
