using System.Globalization;

namespace Conclave.Orchestration.Processes;

/// <summary>What <c>/proc/&lt;pid&gt;/stat</c> says (proc_pid_stat(5)), or that of one thread.</summary>
/// <param name="State">R, S, D run or wait; T stopped by a signal; Z ended and not yet collected; X gone.</param>
/// <param name="ParentPid">Its parent now, which may not be who started it.</param>
/// <param name="Group">The pid of the leader of its process group.</param>
/// <param name="Session">The pid of the leader of its session.</param>
/// <param name="StartTime">Clock ticks since boot (field 22).</param>
/// <param name="IsEnding">It runs none of its program's code any more (PF_EXITING in field 9).</param>
internal readonly record struct ProcessStat(char State, int ParentPid, int Group, int Session, long StartTime, bool IsEnding = false)
{
    private const long PF_EXITING = 0x4;

    public bool HasEnded => State is 'Z' or 'X' or 'x';

    /// <summary>Null when there is no such process.</summary>
    public static ProcessStat? Read(int pid) => Read(string.Create(CultureInfo.InvariantCulture, $"/proc/{pid}/stat"));

    /// <summary>Null when the process has no such thread.</summary>
    public static ProcessStat? Read(int pid, int thread) => Read(string.Create(CultureInfo.InvariantCulture, $"/proc/{pid}/task/{thread}/stat"));

    private static ProcessStat? Read(string path)
    {
        try
        {
            return Parse(File.ReadAllText(path));
        }
        catch (IOException)
        {
            // Not there, or ended between open and read (ESRCH): the same answer.
            return null;
        }
        catch (UnauthorizedAccessException)
        {
            // /proc mounted with hidepid: a process of another user.
            return null;
        }
    }

    /// <summary>The name in field 2 may hold spaces and parentheses, so the fields are counted from the last ')'.</summary>
    internal static ProcessStat? Parse(string text)
    {
        var end = text.LastIndexOf(')');
        if (end < 0)
            return null;
        var fields = text[(end + 1)..].Split(' ', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);
        if (fields.Length < 20)
            return null;

        static long Number(string field) => long.Parse(field, CultureInfo.InvariantCulture);
        return new ProcessStat(fields[0][0], (int)Number(fields[1]), (int)Number(fields[2]), (int)Number(fields[3]), Number(fields[19]), (Number(fields[6]) & PF_EXITING) != 0);
    }
}
