using System.Text;

namespace Conclave.Orchestration.Cluster;

/// <summary>
/// Where things are in the coordination store, all under <c>/conclave/CLUSTER/</c>. Desired state is written by people (services) and by the
/// leader (assignments, orders); observed state (nodes, instances) by each worker under its lease.
/// </summary>
public sealed class ClusterKeys(string cluster)
{
    /// <summary>What every key of this cluster starts with.</summary>
    public string Root { get; } = $"/conclave/{cluster}/";

    /// <summary>The leader's seat. Its mod revision after the winner's write is the fencing token.</summary>
    public string Leader => Root + "leader";

    /// <summary>Settings that are the whole cluster's: nodes, gateway routes.</summary>
    public string Settings => Root + "settings";

    /// <summary>The contenders of an election through the store itself (<c>election: etcd</c>).</summary>
    public string Election => Root + "election";

    internal string ServicePrefix => Root + "services/";

    internal string AssignmentPrefix => Root + "assignments/";

    internal string InstancePrefix => Root + "instances/";

    internal string NodePrefix => Root + "nodes/";

    internal string OrderPrefix => Root + "orders/";

    /// <summary>The desired state of a service.</summary>
    public string Service(string name) => ServicePrefix + name;

    /// <summary>Which node an instance belongs to.</summary>
    public string Assignment(InstanceId id) => AssignmentPrefix + id;

    /// <summary>What its worker last saw of an instance.</summary>
    public string Instance(InstanceId id) => InstancePrefix + id;

    /// <summary>A live node.</summary>
    public string Node(string name) => NodePrefix + name;

    /// <summary>The leader's order to start a node anew.</summary>
    public string Order(string node) => OrderPrefix + node;

    /// <summary>The key just after every key that starts with <paramref name="prefix"/> (etcd's range end of a prefix).</summary>
    public static byte[] EndOf(string prefix)
    {
        var end = Encoding.UTF8.GetBytes(prefix);
        end[^1]++; // our prefixes end in '/', so there is no carry
        return end;
    }
}
