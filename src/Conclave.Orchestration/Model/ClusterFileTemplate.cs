namespace Conclave.Orchestration.Model;

/// <summary>What <c>conclave init</c> writes: a file that runs as it is and shows every key.</summary>
public static class ClusterFileTemplate
{
    /// <summary>Loads on any machine that has Python; a test says so.</summary>
    public static string Text(string name) => $$"""
        # What Conclave keeps running here. 'conclave up' starts it, 'conclave up --dry-run' checks it.
        # Paths are relative to this file. Durations are written 500ms, 1s, 1m30s.
        name: {{name}}

        cluster:
          nodes: 3                # processes that watch over each other; 3 survive the loss of one, 1 of none
          data: ./.conclave       # logs and state of the nodes; safe to delete after 'conclave down'
          # store: { etcd: ["http://127.0.0.1:2379"] }     # keep the state in an etcd you already run

        gateway:
          listen: ["http://127.0.0.1:8080"]     # where clients come in; for HTTP/2 without TLS add "h2c://127.0.0.1:8081"
          routes: { "/": web }                  # path, host or host/path, and the service that answers
          # replicas: 2                         # gateway processes; they share the address, so one may die

        services:
          web:
            # No shell. {port}, {instance} and {node} are filled in; PORT is set as well. Keep the quotes: braces are YAML's own.
            command: ["python3", "-m", "http.server", "--bind", "127.0.0.1", "{port}"]
            directory: .
            replicas: 3
            ready: { http: /, interval: 1s, timeout: 500ms, failures: 3 }     # decides who gets requests; also tcp: or command:
            live:  { http: /, interval: 2s, timeout: 1s, failures: 3 }        # decides who is hung and is replaced
            # start: { http: /, interval: 1s, failures: 60 }                  # for a slow start: live is asked once this succeeded; not within 60 intervals: started again
            # environment: { LOG_LEVEL: info }
            # env_file: .env
            restart: always             # never | on-failure | always
            stop_signal: SIGTERM
            stop_grace_period: 20s      # then SIGKILL

        """;
}
