using System.Globalization;
using System.Text;
using Conclave.Consensus.Raft;

namespace Conclave.Consensus.Tests.Harness;

/// <summary>
/// Plays a trace. A block is one command per line, a line of dashes, and what happened; blank lines part blocks, # starts a comment.
/// Commands: cluster N [option=value ...] · tick N|all [times] · timeout N (tick until it campaigns) · lead N (timeout and settle, unwritten) · turn N [crash] · settle ·
/// deliver FROM TO · drop FROM TO · propose N text · read N id · cut A B · isolate N · heal · crash N · restart N · refused N of · connected N of ·
/// compact N index · status
/// </summary>
internal sealed class TraceScript
{
    private readonly StringBuilder _out = new();
    private Cluster? _cluster;

    private Cluster Cluster => _cluster ?? throw new InvalidOperationException("A trace begins with `cluster`.");

    public static string Play(string text)
    {
        var script = new TraceScript();
        var played = new StringBuilder();
        var commands = new List<string>();
        var inOutput = false;
        foreach (var line in text.Split('\n'))
        {
            if (line.StartsWith("----", StringComparison.Ordinal))
            {
                inOutput = true;
                played.Append("----\n").Append(script.RunAll(commands));
                commands.Clear();
            }
            else if (line.Length == 0)
            {
                if (inOutput)
                    played.Append('\n');
                else if (played.Length > 0 && commands.Count == 0 && played[^1] == '\n' && !played.ToString().EndsWith("\n\n", StringComparison.Ordinal))
                    played.Append('\n');
                inOutput = false;
            }
            else if (!inOutput)
            {
                played.Append(line).Append('\n');
                if (line[0] != '#')
                    commands.Add(line);
            }
        }

        return played.ToString().TrimEnd('\n') + "\n";
    }

    private string RunAll(List<string> commands)
    {
        _out.Clear();
        foreach (var command in commands)
            Run(command.Split(' ', StringSplitOptions.RemoveEmptyEntries));
        return _out.Length == 0 ? "ok\n" : _out.ToString();
    }

    private void Run(string[] words)
    {
        switch (words[0])
        {
            case "cluster":
                _cluster = new Cluster(int.Parse(words[1], CultureInfo.InvariantCulture), id => Options(id, words[2..]), seed: 1, _out);
                break;
            case "tick":
                foreach (var id in Who(words[1]))
                {
                    for (var i = 0; i < (words.Length > 2 ? int.Parse(words[2], CultureInfo.InvariantCulture) : 1); i++)
                        Cluster.Tick(id);
                }

                break;
            case "timeout":
                TickUntilItCampaigns(Id(words[1]));
                break;
            case "lead":
                var before = _out.Length;
                TickUntilItCampaigns(Id(words[1]));
                Cluster.Settle();
                _out.Length = before;
                break;
            case "turn":
                Cluster.Turn(Id(words[1]), crashBeforeWrite: words.Length > 2 && words[2] == "crash");
                break;
            case "settle":
                Cluster.Settle();
                break;
            case "deliver":
                foreach (var letter in Take(words))
                    Cluster.Deliver(letter);
                break;
            case "drop":
                foreach (var letter in Take(words))
                    Cluster.Say($"dropped {letter.From}→{letter.To} {Cluster.Describe(letter.Message)}");
                break;
            case "propose":
                Cluster.Say(Cluster[Id(words[1])].Node.Propose(Encoding.UTF8.GetBytes(words[2])).ToString());
                break;
            case "read":
                Cluster[Id(words[1])].Node.RequestRead(new ReadId(ulong.Parse(words[2], CultureInfo.InvariantCulture)));
                break;
            case "cut":
                Cluster.Cut(Id(words[1]), Id(words[2]));
                break;
            case "isolate":
                Cluster.Isolate(Id(words[1]));
                break;
            case "heal":
                Cluster.Heal();
                break;
            case "crash":
                Cluster.Crash(Id(words[1]));
                break;
            case "restart":
                Cluster.Restart(Id(words[1]));
                break;
            case "refused":
                Cluster[Id(words[1])].Node.PeerRefused(Id(words[2]));
                break;
            case "connected":
                Cluster[Id(words[1])].Node.PeerConnected(Id(words[2]));
                break;
            case "compact":
                Cluster.Compact(Id(words[1]), new LogIndex(ulong.Parse(words[2], CultureInfo.InvariantCulture)));
                break;
            case "status":
                foreach (var peer in Cluster.Peers)
                    Cluster.Say(Status(peer));
                break;
            default:
                throw new InvalidOperationException($"Unknown command {words[0]}.");
        }
    }

    private static string Status(Peer peer)
    {
        if (!peer.Up)
            return $"{peer.Id} down";
        var node = peer.Node;
        var log = Cluster.Describe(node.Log.Slice(node.Log.Start.Index.Next, node.Last.Index));
        return $"{node.Id} {node.Role.ToString().ToLowerInvariant()} term={node.Term} leader={node.Leader?.ToString() ?? "none"} commit={node.CommitIndex} applied={node.AppliedIndex} log={node.Log.Start}|{log}";
    }

    private void TickUntilItCampaigns(PeerId id)
    {
        var node = Cluster[id].Node;
        for (var i = 0; i < 1000; i++)
        {
            var ready = node.Role;
            Cluster.Tick(id);
            if (node.Role != Role.Follower && (ready == Role.Follower || node.Role != ready))
                return;
        }
    }

    private List<Letter> Take(string[] words)
    {
        var taken = Cluster.Letters.Where(letter => Matches(words[1], letter.From) && Matches(words[2], letter.To)).ToList();
        foreach (var letter in taken)
            Cluster.Letters.Remove(letter);
        return taken;
    }

    private static bool Matches(string word, PeerId id) => word == "*" || Id(word) == id;

    private System.Collections.Immutable.ImmutableArray<PeerId> Who(string word) => word == "all" ? Cluster.Membership.Voters : [Id(word)];

    private static PeerId Id(string word) => new(ulong.Parse(word, CultureInfo.InvariantCulture));

    private static RaftOptions Options(PeerId id, string[] settings)
    {
        var options = new RaftOptions { Id = id, ElectionTicks = 10, HeartbeatTicks = 2 };
        foreach (var setting in settings)
        {
            var at = setting.IndexOf('=', StringComparison.Ordinal);
            var value = int.Parse(setting[(at + 1)..], CultureInfo.InvariantCulture);
            options = setting[..at] switch
            {
                "append-bytes" => options with { MaxAppendBytes = value },
                "first-election" => options with { FirstElectionTicks = value },
                "window" => options with { MaxInFlightAppends = value },
                "fast-pre-vote" => options with { FastPreVote = value != 0 },
                "uncommitted-bytes" => options with { MaxUncommittedBytes = value },
                _ => throw new InvalidOperationException($"Unknown option {setting}."),
            };
        }

        return options;
    }
}
