using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using Conclave.Consensus;
using Conclave.Store;
using Conclave.Wire.Peers;

namespace Conclave.Runtime.Peers;

/// <summary>
/// Which data directory each member is known by. Every directory gets a random id when it is begun (<c>wal/directory-id</c>); a member that meets another notes its id
/// (<c>peers/&lt;member&gt;</c>) durably before the first message passes between them in either direction, and passes on what it knows in every greeting. So a member whose
/// directory was emptied, and with it what it acknowledged and whom it voted for, is recognised by all that it ever spoke to, over all restarts and changes of leader.
/// <para>
/// The files are read at every greeting rather than kept in memory: a person lets a new directory in by deleting them. Thread-safe.
/// </para>
/// </summary>
internal sealed class KnownDirectories
{
    private const string IdPath = "wal/directory-id";
    private const string PeersDirectory = "peers";
    private readonly IDisk _disk;
    private readonly PeerId _self;
    private readonly HashSet<PeerId> _peers;
    private readonly Lock _gate = new();
    private readonly TaskCompletionSource _ended = new(TaskCreationOptions.RunContinuationsAsynchronously);

    private KnownDirectories(IDisk disk, PeerId self, IEnumerable<PeerId> peers, ulong own)
    {
        _disk = disk;
        _self = self;
        _peers = [.. peers];
        Own = own;
    }

    /// <summary>This member's.</summary>
    public ulong Own { get; }

    /// <summary>Faults when this member must end: its directory is not the one that the others know, or the disk refused.</summary>
#pragma warning disable VSTHRD003 // ends by the calls below
    public Task Ended => _ended.Task;
#pragma warning restore VSTHRD003

    /// <summary>To be asked before the log is opened, which would begin a new one.</summary>
    /// <exception cref="DamagedFileException">The directory has an id and no log any more.</exception>
    public static void RequireLog(IDisk disk)
    {
        disk.CreateDirectory("wal");
        var names = disk.List("wal");
        if (names.Contains(Path.GetFileName(IdPath), StringComparer.Ordinal) && !names.Any(n => n.EndsWith(".wal", StringComparison.Ordinal)))
            throw new DamagedFileException(IdPath, 0, "the log of this directory is missing");
    }

    /// <summary>Opens what is known, after the log. A directory without an id gets one.</summary>
    /// <exception cref="DamagedFileException">A file holds no id.</exception>
    /// <exception cref="DiskFailedException">The disk refused.</exception>
    public static KnownDirectories Open(IDisk disk, PeerId self, IEnumerable<PeerId> peers)
    {
        disk.CreateDirectory(PeersDirectory);
        ulong own;
        if (disk.List("wal").Contains(Path.GetFileName(IdPath), StringComparer.Ordinal))
        {
            own = Read(disk, IdPath);
        }
        else
        {
            Span<byte> random = stackalloc byte[sizeof(ulong)];
            RandomNumberGenerator.Fill(random);
            own = Math.Max(1, BitConverter.ToUInt64(random));
            Write(disk, IdPath, own);
        }

        return new KnownDirectories(disk, self, peers, own);
    }

    /// <summary>Everything known, for a greeting.</summary>
    public IReadOnlyList<PeerDirectory> All()
    {
        lock (_gate)
            return OrEnd(() => _peers.Order().Select(p => (Peer: p, Directory: Find(p))).Where(k => k.Directory is not null).Select(k => new PeerDirectory(k.Peer.Value, k.Directory!.Value)).ToArray());
    }

    /// <summary>The peer has shown itself with this directory. Null: it is the one that it is known by, or, from now on and durably, will be. Else why it is turned away.</summary>
    public string? Meet(PeerId peer, ulong directory)
    {
        lock (_gate)
        {
            return OrEnd(() =>
            {
                if (Find(peer) is not { } known)
                    Write(_disk, PathOf(peer), directory);
                else if (known != directory)
                    return new DirectoryReplacedException(peer, _self).Message;
                return null;
            });
        }
    }

    /// <summary>
    /// What a peer knows. Of members never met it is noted, so that one that comes emptied is recognised by those who come late, too. Where we know better by ourselves
    /// the peer's word changes nothing. False: it knows this member by another directory, so this member has ended.
    /// </summary>
    public bool Learn(PeerId from, IReadOnlyList<PeerDirectory> known)
    {
        if (known.Any(k => k.Member == _self.Value && k.Directory != Own))
        {
            End(new DirectoryReplacedException(_self, from));
            return false;
        }

        lock (_gate)
        {
            OrEnd<object?>(() =>
            {
                foreach (var (member, directory) in known)
                {
                    var peer = new PeerId(member);
                    if (_peers.Contains(peer) && Find(peer) is null)
                        Write(_disk, PathOf(peer), directory);
                }

                return null;
            });
        }

        return true;
    }

    /// <summary>This member must end.</summary>
    public void End(Exception why) => _ended.TrySetException(why);

    private static string PathOf(PeerId peer) => $"{PeersDirectory}/{peer}";

    private ulong? Find(PeerId peer) => _disk.List(PeersDirectory).Contains(peer.ToString(), StringComparer.Ordinal) ? Read(_disk, PathOf(peer)) : null;

    /// <summary>The streams catch only what concerns a stream; a disk that fails concerns the member.</summary>
    private T OrEnd<T>(Func<T> act)
    {
        try
        {
            return act();
        }
        catch (Exception e) when (e is DiskFailedException or DamagedFileException)
        {
            End(e);
            throw new PeerFrameException(e.Message);
        }
    }

    private static ulong Read(IDisk disk, string path)
    {
        using var file = disk.Open(path);
        Span<byte> text = stackalloc byte[32];
        var read = file.Read(0, text);
        var isId = read == 17 && text[16] == '\n';
        return isId && ulong.TryParse(text[..16], NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out var id)
            ? id
            : throw new DamagedFileException(path, 0, "it holds no directory's id");
    }

    private static void Write(IDisk disk, string path, ulong id)
    {
        var temporary = path + ".tmp";
        using (var file = disk.Create(temporary))
        {
            file.Write(0, Encoding.ASCII.GetBytes($"{id:x16}\n"));
            file.Flush();
        }

        disk.Rename(temporary, path);
        disk.SyncDirectory(Path.GetDirectoryName(path)!);
    }
}
