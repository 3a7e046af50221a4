namespace Conclave.Server;

/// <summary>The level of etcd that this server answers as: clients choose by it what they may ask.</summary>
internal static class ServerVersion
{
    public const string Text = "3.5.0";

    public const string Cluster = "3.5.0";
}
