namespace Conclave.Orchestration.Processes;

/// <summary>
/// How long a thread of this process's pool spins in the hope of more work before it sleeps: 70 rounds unless told otherwise. Say it first of all, since the pool asks once, when it
/// is first used. <c>DOTNET_ThreadPool_UnfairSemaphoreSpinLimit</c> does the same from outside.
/// </summary>
public static class PoolSpinning
{
    /// <summary>
    /// For nodes and members. They are woken by heartbeats many times a second and have next to nothing to do each time, so that spinning costs more than the work (an idle node: 2.2 % of a
    /// core with it, 1.3 % without). Under load the core that spins is somebody else's: three members of <c>conclave serve</c> on two cores need 30 % less processor time for each put
    /// without it, and answer more of them (<c>bench/put</c>).
    /// </summary>
    public static void Never() => Limit("0");

    /// <summary>
    /// For gateways. With a few hundred requests a second the default costs 10 to 20 % more processor time than this; when requests fill the cores, never to spin costs a tenth of the
    /// throughput and makes the p99 half as long again (<c>bench/gateway</c>).
    /// </summary>
    public static void Briefly() => Limit("32");

    private static void Limit(string rounds) => AppContext.SetData("System.Threading.ThreadPool.UnfairSemaphoreSpinLimit", rounds);
}
