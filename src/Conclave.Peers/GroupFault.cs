using Conclave.Runtime;
using Conclave.Runtime.Disk;
using Conclave.Store;

namespace Conclave.Peers;

/// <summary>What a fault means to those who take part in elections.</summary>
internal static class GroupFault
{
    public static bool IsKnownAtStart(Exception fault) =>
        fault is DirectoryInUseException or ForeignDirectoryException or DamagedFileException or DiskFailedException or DirectoryReplacedException or IOException;

    /// <summary>Why a member could not start, with the option and the remedy.</summary>
    public static ElectionException AtStart(PeerGroupOptions options, Exception fault)
    {
        var what = $"Group {options.Group}, member {options.Name}";
        return fault switch
        {
            DirectoryInUseException => new ElectionException($"{what}: another process holds Directory ({options.Directory}). Give every instance a directory of its own, or end the other process.", fault),
            ForeignDirectoryException => new ElectionException(
                $"{what}: Directory ({options.Directory}) belongs to another member or group ({fault.Message}). Correct Directory, Name, Group or Peers; the members of a group are fixed.", fault),
            DamagedFileException or DiskFailedException or DirectoryReplacedException => new ElectionException($"{what}: Directory ({options.Directory}): {fault.Message}", fault),
            _ => new ElectionException($"{what}: {fault.Message}. Correct the address in Peers or Listen, or end what uses it.", fault),
        };
    }

    /// <summary>What the user of an election sees when nobody answered.</summary>
    public static ElectionUnavailableException ToElection(PeerGroup group, string election, TimeSpan waited, Exception? cause) => new(
        $"Election {election}: no answer within {waited.TotalSeconds:0.#} s: {group.Silence}. Start the other members, or check Peers on all of them.", cause);
}
