namespace Conclave.Orchestration.Gateway;

/// <summary>How the .NET runtime of a gateway's process is set up.</summary>
public static class GatewayRuntime
{
    /// <summary>
    /// Of the 70 rounds that a thread of the pool spins by default in the hope of more work before it sleeps. With a few hundred requests a second spinning costs a fifth more processor
    /// time, which others need; with a core full of requests sleeping at once costs a tenth of them and half of the slowest ones' time (<c>bench/gateway</c>). Between 20 and 40
    /// neither can be seen.
    /// </summary>
    private const string SpinLimit = "32";

    /// <summary>Call it first of all: the pool reads it once, when it is first used.</summary>
    public static void Prepare() => AppContext.SetData("System.Threading.ThreadPool.UnfairSemaphoreSpinLimit", SpinLimit);
}
