namespace Conclave.Bench.SelfHeal;

/// <summary>What is done to the cluster.</summary>
internal enum Fault
{
    Instance,
    Worker,
    Leader,
    Gateway,
    TwoNodes,
    StopInstance,
    StopLeader,
    StopGateway,
    CrashLoop,
}

internal static class FaultNames
{
    public static string NameOf(Fault fault) => fault switch
    {
        Fault.TwoNodes => "two-nodes",
        Fault.StopInstance => "stop-instance",
        Fault.StopLeader => "stop-leader",
        Fault.StopGateway => "stop-gateway",
        Fault.CrashLoop => "crash-loop",
        _ => fault.ToString().ToLowerInvariant(),
    };

    public static string TitleOf(Fault fault) => fault switch
    {
        Fault.Instance => "instance killed",
        Fault.Worker => "worker killed (a follower's node)",
        Fault.Leader => "leader killed",
        Fault.Gateway => "gateway killed",
        Fault.TwoNodes => "two of three nodes killed at once",
        Fault.StopInstance => "instance stopped (SIGSTOP)",
        Fault.StopLeader => "leader stopped (SIGSTOP)",
        Fault.StopGateway => "gateway stopped (SIGSTOP)",
        _ => "crash loop",
    };

    public static Fault Parse(string name)
    {
        foreach (var fault in Enum.GetValues<Fault>())
        {
            if (NameOf(fault) == name)
                return fault;
        }

        throw new FormatException(name);
    }
}
