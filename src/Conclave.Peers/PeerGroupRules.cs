namespace Conclave.Peers;

/// <summary>What options must be. Each problem names the option first and ends with the remedy.</summary>
internal static class PeerGroupRules
{
    /// <summary>Empty: the group can be started.</summary>
    public static IEnumerable<string> Problems(PeerGroupOptions options)
    {
        if (options.Name.Length == 0)
            yield return "Name is empty: say which of Peers this instance is";
        if (options.Directory.Length == 0)
            yield return "Directory is empty: name a directory of this instance's own on a disk that stays, e.g. /var/lib/billing/peers";
        if (options.Group.Length == 0)
            yield return "Group is empty: leave it out, or name the group";
        foreach (var problem in MemberProblems(options).Concat(TimeProblems(options)))
            yield return problem;
    }

    /// <summary>What works and is not what one would want.</summary>
    public static string? Doubt(PeerGroupOptions options) => options.Peers.Count switch
    {
        1 => "the group has one member: it survives no failure; three survive one",
        2 => "the group has two members: both must run for anybody to lead; three survive the failure of one",
        var even when even % 2 == 0 => $"the group has {even} members: it survives no more failures than one of {even - 1}, and has more to agree",
        _ => null,
    };

    private static IEnumerable<string> MemberProblems(PeerGroupOptions options)
    {
        if (options.Peers.Count == 0)
        {
            yield return "Peers is empty: name all members as name=host:port, this one included";
            yield break;
        }

        if (options.Peers.Count > PeerGroupOptions.MembersMax)
            yield return $"Peers names {options.Peers.Count} members, more than {PeerGroupOptions.MembersMax}: let five to seven instances be members";
        var entries = new List<PeerEntry>();
        foreach (var text in options.Peers)
        {
            if (PeerEntry.TryParse(text) is { } entry)
                entries.Add(entry);
            else
                yield return $"Peers: '{text}' is not name=host:port, such as node-1=10.0.0.1:7001";
        }

        foreach (var twice in entries.GroupBy(entry => entry.Name, StringComparer.Ordinal).Where(same => same.Count() > 1))
            yield return $"Peers names {twice.Key} twice: every member has a name of its own";
        foreach (var twice in entries.GroupBy(entry => entry.Url, StringComparer.OrdinalIgnoreCase).Where(same => same.Count() > 1))
            yield return $"Peers: {string.Join(" and ", twice.Select(entry => entry.Name))} have the same address: give each its own";
        if (entries.Count == options.Peers.Count && options.Name.Length > 0 && !entries.Exists(entry => entry.Name == options.Name))
            yield return $"Name is '{options.Name}', which is not among Peers ({string.Join(", ", entries.Select(entry => entry.Name))}): add it there on all members, or correct the name";
        foreach (var problem in ReachProblems(options, entries))
            yield return problem;
    }

    private static IEnumerable<string> ReachProblems(PeerGroupOptions options, List<PeerEntry> entries)
    {
        var hosts = entries.Select(entry => (What: $"Peers: {entry.Name} is at {entry.Host}", entry.Host)).ToList();
        if (options.Listen is { } listen)
        {
            if (PeerEntry.TryParseAddress(listen) is var (host, _))
                hosts.Add(($"Listen is {listen}", host));
            else
                yield return $"Listen is '{listen}': write host:port, such as 0.0.0.0:7001, or leave it out";
        }

        if (!options.Insecure && hosts.Find(host => !PeerEntry.IsLoopback(host.Host)) is { What: { } beyond })
            yield return $"{beyond}, which other machines can reach without TLS, so that anyone there could decide elections: keep to 127.0.0.1, or accept that with Insecure";
    }

    private static IEnumerable<string> TimeProblems(PeerGroupOptions options)
    {
        if (options.HeartbeatInterval < TimeSpan.FromMilliseconds(2))
            yield return $"HeartbeatInterval is {options.HeartbeatInterval}: must be 2 ms or more";
        if (options.ElectionTimeout < 5 * options.HeartbeatInterval)
            yield return $"ElectionTimeout is {options.ElectionTimeout}: must be at least five heartbeats ({options.HeartbeatInterval} each)";
        else if (LeaseProblem(options) is { } problem)
            yield return problem;
        if (options.TryTimeout <= TimeSpan.Zero)
            yield return $"TryTimeout is {options.TryTimeout}: must be above zero";
        if (options.WithdrawTimeout <= TimeSpan.Zero)
            yield return $"WithdrawTimeout is {options.WithdrawTimeout}: must be above zero";
        if (options.HistoryMax < 100)
            yield return $"HistoryMax is {options.HistoryMax}: must be 100 or more";
    }

    private static string? LeaseProblem(PeerGroupOptions options)
    {
        var lease = options.LeaseOrDefault;
        try
        {
            lease.Validate();
        }
        catch (ArgumentOutOfRangeException refused)
        {
            return $"Lease: {refused.Message.Split(" (Parameter", 2)[0].TrimEnd('.')}";
        }

        return lease.Ttl < 2 * options.HeartbeatInterval ? $"Lease:Ttl is {lease.Ttl}: must be at least two heartbeats ({options.HeartbeatInterval} each)" : null;
    }
}
