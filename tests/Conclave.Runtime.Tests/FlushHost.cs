using System.Text;
using Conclave.Consensus;
using Conclave.Store;
using Conclave.Store.Mvcc;

namespace Conclave.Runtime.Tests;

/// <summary>The test assembly as a program: one member alone that writes and says what was acknowledged, to be run under strace.</summary>
internal static class FlushHost
{
    public const string Argument = "flush-host";
    public const int Writes = 60;
    public const int DiskFailedExitCode = 70;

    public static LocalMemberOptions Options(string directory)
    {
        var url = $"unix://{directory}/peer";
        var id = ClusterIdentity.MemberId("flush", [url]);
        return new LocalMemberOptions
        {
            Id = id,
            Cluster = ClusterIdentity.ClusterId("flush", [id]),
            Members = [new MemberAddress(id, "alone", [url])],
            DataDirectory = directory,
        };
    }

    public static int Count(Applier applier) =>
        applier.Store.Range(new RangeQuery(KeyRange.All), out var all) == StoreError.None ? all!.Kvs.Count : -1;

    public static async Task<int> Main(string[] args)
    {
        if (args is not [Argument, var directory])
            return 2;
        var member = await LocalMember.StartAsync(Options(directory));
        for (var i = 1; i <= Writes; i++)
        {
            var outcome = await member.ProposeAsync(new Command.Put(Encoding.UTF8.GetBytes($"k{i}"), "v"u8.ToArray(), LeaseId.None));
            if (outcome is not ProposalOutcome.Applied)
                break;
            Console.WriteLine($"acknowledged {i}");
        }

        await member.DisposeAsync();
        try
        {
            await member.Completion;
            return 0;
        }
        catch (DiskFailedException e)
        {
            Console.WriteLine($"disk failed: {e.Message}");
            return DiskFailedExitCode;
        }
    }
}
