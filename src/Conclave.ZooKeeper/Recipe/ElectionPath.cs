namespace Conclave.ZooKeeper;

/// <summary>An election's place in ZooKeeper's tree: its name is a path without the slash in front.</summary>
internal sealed record ElectionPath
{
    /// <summary>In UTF-16 characters. ZooKeeper sets no limit of its own; this keeps every request far below the 1 MiB that a server takes.</summary>
    public const int NameLengthMax = 1024;

    private ElectionPath(string name, Naming naming) => (Path, Naming) = ("/" + name, naming);

    /// <summary>The node below which candidates stand.</summary>
    public string Path { get; }

    /// <summary>How the candidates below it are called.</summary>
    public Naming Naming { get; }

    /// <summary>The nodes that must exist before a candidate can stand, from the top.</summary>
    public IEnumerable<string> Ancestry
    {
        get
        {
            for (var slash = Path.IndexOf('/', 1); slash > 0; slash = Path.IndexOf('/', slash + 1))
                yield return Path[..slash];
            yield return Path;
        }
    }

    public string this[string child] => $"{Path}/{child}";

    /// <exception cref="ArgumentException">ZooKeeper has no such path; the message says why not.</exception>
    public static ElectionPath Of(string name, ZooKeeperNodeNames names = ZooKeeperNodeNames.Kazoo)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(name);
        return ProblemOf(name) is { } problem
            ? throw new ArgumentException($"'{name}' is no name for an election in ZooKeeper, where it becomes a path: {problem}.", nameof(name))
            : new ElectionPath(name, Naming.Of(names));
    }

    private static string? ProblemOf(string name)
    {
        if (name.Length > NameLengthMax)
            return $"it is longer than {NameLengthMax} characters";
        if (name[0] == '/' || name[^1] == '/')
            return "a slash belongs between two parts only";
        foreach (var part in name.Split('/'))
        {
            if (part.Length == 0)
                return "a part between two slashes is empty";
            if (part is "." or "..")
                return "'.' and '..' are no parts";
            if (Naming.IsAnyCandidate(part))
                return $"'{part}' looks like a candidate's node";
        }

        if (name == "zookeeper" || name.StartsWith("zookeeper/", StringComparison.Ordinal))
            return "what begins with 'zookeeper' is ZooKeeper's own";
        return name.Any(IsRefused) ? $"it has the character U+{(int)name.First(IsRefused):X4}" : null;
    }

    // What a server refuses in a path, and no more.
    private static bool IsRefused(char letter) =>
        letter is <= '\u001f' or (>= '\u007f' and <= '\u009f') or (>= '\ud800' and <= '\uf8ff') or >= '\ufff0';
}
