using System.Diagnostics;
using System.Text.Json;
using Conclave.Orchestration;
using Conclave.Orchestration.Cluster;
using Conclave.Wire.Etcd;
using Conclave.Wire.Grpc;

namespace Conclave.Cli.Cluster;

/// <summary>What people change of the desired state; the leader and the workers do the rest.</summary>
internal sealed class ServiceChanges(ClusterHandle cluster)
{
    /// <summary>Beyond the store's own time for one request: an election, or a busy machine, is waited for.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(10);

    public async Task<int> ScaleAsync(string service, int replicas, CancellationToken cancel)
    {
        if (replicas < 0)
            throw new ConclaveException($"{service}={replicas}: a count is 0 or more", ExitCode.Usage);
        var before = 0;
        await ChangeAsync(service, state =>
        {
            before = state.Replicas;
            return state with { Replicas = replicas };
        }, cancel);
        return before;
    }

    public Task RestartAsync(string target, CancellationToken cancel) =>
        InstanceId.TryParse(target, out var id)
            ? throw new ConclaveException($"restart takes a service, and replaces its instances one after the other; for one instance: conclave kill {id} --signal TERM", ExitCode.Usage)
            : ChangeAsync(target, state => state with { Generation = state.Generation + 1 }, cancel);

    public Task StopAsync(string target, CancellationToken cancel) =>
        InstanceId.TryParse(target, out var id)
            ? ChangeAsync(id.Value.Service, state => state with { StoppedInstances = state.StoppedInstances.Add(Known(state, id.Value)) }, cancel)
            : ChangeAsync(target, state => state with { Stopped = true }, cancel);

    public Task StartAsync(string target, CancellationToken cancel) =>
        InstanceId.TryParse(target, out var id)
            ? ChangeAsync(id.Value.Service, state => state with { Stopped = false, StoppedInstances = state.StoppedInstances.Remove(Known(state, id.Value)) }, cancel)
            : ChangeAsync(target, state => state with { Stopped = false, StoppedInstances = [] }, cancel);

    private static int Known(ServiceState state, InstanceId id) =>
        id.Number <= state.Replicas ? id.Number : throw new ConclaveException($"there is no {id}; {id.Service} has {state.Replicas} instances");

    private async Task ChangeAsync(string service, Func<ServiceState, ServiceState> change, CancellationToken cancel)
    {
        string? wanted = null;
        var unknown = false;
        var began = Stopwatch.GetTimestamp();
        while (true)
        {
            try
            {
                var done = await cluster.Store.UpdateAsync(cluster.Store.Keys.Service(service), ClusterJson.Default.ServiceState, ChangeOnce, cancel);
                if (done is null)
                    throw new ConclaveException($"there is no service {service}; it has {await NamesAsync(cancel)}");
                return;
            }
            catch (EtcdException passing) when (passing.Status is GrpcStatus.Unavailable or GrpcStatus.DeadlineExceeded && Stopwatch.GetElapsedTime(began) < Patience)
            {
                unknown |= passing.OutcomeUnknown;
            }
            catch (EtcdException failed)
            {
                var outcome = unknown || failed.OutcomeUnknown ? "whether it was changed is not known" : "nothing was changed";
                throw new ConclaveException($"{outcome}: {failed.Message}; 'conclave status' says what is missing", ExitCode.NotRunning, failed);
            }
        }

        // An attempt without an answer may have been carried out: what is there as we wanted it is not changed again (a restart would restart twice).
        ServiceState? ChangeOnce(ServiceState? state)
        {
            if (state is null || JsonSerializer.Serialize(state, ClusterJson.Default.ServiceState) == wanted)
                return state;
            var next = change(state);
            wanted = JsonSerializer.Serialize(next, ClusterJson.Default.ServiceState);
            return next;
        }
    }

    private async Task<string> NamesAsync(CancellationToken cancel)
    {
        var view = await cluster.Store.ReadAsync(serializable: true, cancel);
        return view.Services.IsEmpty ? "none" : string.Join(", ", view.Services.Keys);
    }
}
