namespace Conclave.Orchestration.Processes;

/// <summary>
/// The pids whose exit codes <see cref="SupervisedProcess"/> collects itself. A spawn and its entry happen under <see cref="Gate"/>,
/// so that <see cref="OrphanReaper"/> never takes the code of a child that was not entered yet.
/// </summary>
internal static class OwnChildren
{
    private static readonly HashSet<int> Pids = [];

    public static Lock Gate { get; } = new();

    public static void Add(int pid)
    {
        lock (Gate)
            Pids.Add(pid);
    }

    public static void Remove(int pid)
    {
        lock (Gate)
            Pids.Remove(pid);
    }

    public static bool Contains(int pid)
    {
        lock (Gate)
            return Pids.Contains(pid);
    }
}
