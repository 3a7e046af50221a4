namespace Conclave.Server;

/// <summary>An option that cannot be used. The message is one line that names the option as etcd does, what is wrong and the remedy.</summary>
public sealed class ServerOptionException : Exception
{
    /// <summary>Names the option, such as <c>--listen-client-urls</c>.</summary>
    public ServerOptionException(string option, string problem) : base($"{option}: {problem}") => Option = option;

    /// <summary>The option, as etcd spells its flag.</summary>
    public string Option { get; }
}
