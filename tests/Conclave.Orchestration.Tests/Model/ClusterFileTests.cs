using System.Text;
using Conclave.Orchestration.Model;
using Xunit;

namespace Conclave.Orchestration.Tests.Model;

public sealed class ClusterFileTests : IDisposable
{
    private readonly string _root = Directory.CreateTempSubdirectory("conclave-yaml-").FullName;

    public void Dispose() => Directory.Delete(_root, recursive: true);

    private LoadedClusterFile Parse(string yaml) => ClusterFile.Parse(yaml, Path.Combine(_root, "conclave.yaml"), "conclave.yaml");

    private IReadOnlyList<string> ProblemsOf(string yaml) => Assert.Throws<ClusterFileException>(() => Parse(yaml)).Problems;

    [Fact]
    public void The_file_of_the_readme_loads_with_every_value()
    {
        Directory.CreateDirectory(Path.Combine(_root, "shop"));
        File.WriteAllText(Path.Combine(_root, ".env"), "# secrets\nexport TOKEN='a b'\nLOG_LEVEL=debug\n");
        var (spec, warnings) = Parse("""
            name: shop
            cluster: { nodes: 3, data: ./.conclave }
            gateway:
              listen: ["http://127.0.0.1:8080"]
              routes: { "/": web, "api.example/v1/": web }
            services:
              web:
                command: ["sh", "Shop.dll", "--urls", "http://127.0.0.1:{port}"]
                directory: ./shop
                environment: { LOG_LEVEL: info, FLAG: yes, OCTAL: 010 }
                env_file: .env
                replicas: 3
                ready: { http: /readyz, interval: 1s, timeout: 500ms, failures: 3 }
                live:  { http: /livez, interval: 2s, timeout: 1s, failures: 3 }
                start: { tcp: "{port}", interval: 1m30s }
                restart: on-failure
                stop_signal: INT
                stop_grace_period: 20s
            """);

        Assert.Empty(warnings);
        Assert.Equal(("shop", 3, Path.Combine(_root, ".conclave"), ElectionKind.Raft), (spec.Name, spec.Nodes, spec.DataDirectory, spec.Election));
        Assert.Equal([new RouteSpec(null, "/", "web"), new RouteSpec("api.example", "/v1", "web")], spec.Gateway.Routes.ToArray());
        Assert.Equal(2, spec.Gateway.Replicas);
        var web = Assert.Single(spec.Services);
        Assert.Equal(["sh", "Shop.dll", "--urls", "http://127.0.0.1:{port}"], web.Command.ToArray());
        Assert.Equal(Path.Combine(_root, "shop"), web.Directory);
        Assert.Equal(["FLAG=yes", "LOG_LEVEL=info", "OCTAL=010", "TOKEN=a b"], web.Environment.Select(pair => $"{pair.Key}={pair.Value}"));
        Assert.Equal((3, RestartMode.OnFailure, 2, TimeSpan.FromSeconds(20)), (web.Replicas, web.Restart, web.StopSignal.Number, web.StopGracePeriod));
        Assert.Equal(new ProbeSpec { Kind = ProbeKind.Http, Path = "/readyz" }, web.Ready);
        Assert.Equal(new ProbeSpec { Kind = ProbeKind.Http, Path = "/livez", Interval = TimeSpan.FromSeconds(2), Timeout = TimeSpan.FromSeconds(1) }, web.Live);
        Assert.Equal((ProbeKind.Tcp, null, TimeSpan.FromSeconds(90)), (web.Start!.Kind, web.Start.Port, web.Start.Interval));
    }

    [Fact]
    public void What_is_left_out_has_the_documented_default()
    {
        var spec = Parse("""
            gateway: {}
            services: { web: { command: sh -c 'exit 0' } }
            """).Spec;

        Assert.Equal(3, spec.Nodes);
        Assert.Equal(["http://127.0.0.1:8080"], spec.Gateway.Listen.ToArray());
        Assert.Equal([new RouteSpec(null, "/", "web")], spec.Gateway.Routes.ToArray());
        var web = spec.Service("web")!;
        Assert.Equal(["sh", "-c", "exit 0"], web.Command.ToArray());
        Assert.Equal((1, _root, RestartMode.Always, Signal.Term), (web.Replicas, web.Directory, web.Restart, web.StopSignal));
        Assert.Null(web.Ready ?? web.Live ?? web.Start);
    }

    [Fact]
    public void Http2_without_tls_has_an_address_of_its_own()
    {
        var gateway = Parse("""
            gateway: { listen: ["http://127.0.0.1:8080", "h2c://[::1]:8081/"] }
            services: { web: { command: sh } }
            """).Spec.Gateway;

        Assert.Equal(["http://127.0.0.1:8080", "h2c://[::1]:8081"], gateway.Listen.ToArray());
        Assert.Equal([false, true], gateway.Listen.Select(GatewaySpec.IsHttp2));
    }

    [Fact]
    public void An_etcd_of_ones_own_elects_through_its_lease()
    {
        var spec = Parse("""
            cluster: { store: { etcd: ["http://127.0.0.1:2379"] } }
            services: { web: { command: sh } }
            """).Spec;

        Assert.Equal((false, ElectionKind.Etcd), (spec.IsEmbedded, spec.Election));
        Assert.Equal(GatewaySpec.None, spec.Gateway);
    }

    [Fact]
    public void The_file_that_init_writes_loads()
    {
        var (spec, warnings) = Parse(ClusterFileTemplate.Text("demo"));

        Assert.Empty(warnings);
        Assert.Equal(("demo", 3), (spec.Name, spec.Service("web")!.Replicas));
    }

    [Fact]
    public void Comments_and_layout_do_not_change_the_hash_and_a_value_does()
    {
        const string yaml = "name: a\nservices: { web: { command: sh, replicas: 2 } }\n";

        var hash = Parse(yaml).Spec.FileHash;

        Assert.Equal(hash, Parse("# note\nservices:\n  web:\n    replicas: 2\n    command: [sh]\nname: a\n").Spec.FileHash);
        Assert.NotEqual(hash, Parse(yaml.Replace("2", "3", StringComparison.Ordinal)).Spec.FileHash);
    }

    [Fact]
    public void A_spec_survives_the_store()
    {
        var spec = Parse(ClusterFileTemplate.Text("demo")).Spec;

        Assert.Equal(spec, ModelJson.ReadClusterSpec(ModelJson.Write(spec)));
        Assert.Throws<InvalidDataException>(() => ModelJson.ReadClusterSpec(ModelJson.Write(spec with { V = 2 })));
        Assert.Throws<InvalidDataException>(() => ModelJson.ReadClusterSpec("[1"u8));
    }

    [Fact]
    public void A_stored_spec_that_lacks_a_member_is_refused_and_one_with_an_unknown_member_is_read()
    {
        var spec = Parse(ClusterFileTemplate.Text("demo")).Spec;
        var stored = Encoding.UTF8.GetString(ModelJson.Write(spec));

        foreach (var member in (string[])["\"nodes\":3,", "\"replicas\":3,", "\"failures\":3", "\"max_connections\":10000,"])
        {
            Assert.Contains(member, stored, StringComparison.Ordinal);
            var without = stored.Replace(member, member.EndsWith(',') ? "" : "\"x\":1", StringComparison.Ordinal);
            Assert.Throws<InvalidDataException>(() => ModelJson.ReadClusterSpec(Encoding.UTF8.GetBytes(without)));
        }

        Assert.Equal(spec, ModelJson.ReadClusterSpec(Encoding.UTF8.GetBytes(stored.Replace("{\"v\":1,", "{\"v\":1,\"new\":[1],", StringComparison.Ordinal))));
    }

    [Fact]
    public void An_even_number_of_nodes_one_node_and_an_open_address_are_warned_about()
    {
        const string services = "services: { web: { command: sh } }\n";

        Assert.Equal(["conclave.yaml:2: 4 nodes survive no more losses than 3; write 3 or 5"], Parse(services + "cluster: { nodes: 4 }").Warnings.ToArray());
        Assert.Equal(["conclave.yaml:2: one node is not fault-tolerant; 3 nodes survive the loss of one"], Parse(services + "cluster: { nodes: 1 }").Warnings.ToArray());
        Assert.Equal(
            ["conclave.yaml:2: gateway.listen: http://0.0.0.0:80 can be reached from other machines; write 127.0.0.1 if that is not meant"],
            Parse(services + "gateway: { listen: http://0.0.0.0:80 }").Warnings.ToArray());
    }

    [Fact]
    public void Several_mistakes_are_all_listed_in_the_order_of_the_file()
    {
        var problems = ProblemsOf("""
            services:
              web:
                command: sh
                replicas: -1
                restart: no
            gateway: { routes: { "/": wbe } }
            """);

        Assert.Equal(
        [
            "conclave.yaml:4: services.web.replicas is '-1'; it must be a whole number from 0 to 1000",
            "conclave.yaml:5: services.web.restart is 'no'; YAML takes that for a boolean; write restart: never",
            "conclave.yaml:6: gateway.routes: '/' goes to 'wbe', which is no service of this file; did you mean 'web'?",
        ],
        problems);
    }

    [Fact]
    public void An_absent_file_says_how_to_get_one()
    {
        var e = Assert.Throws<ConclaveException>(() => ClusterFile.Load(Path.Combine(_root, "no.yaml")));

        Assert.Equal(ExitCode.Usage, e.ExitCode);
        Assert.EndsWith("no.yaml; 'conclave init' writes one", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void The_data_directory_of_a_broken_file_is_still_found()
    {
        var path = Path.Combine(_root, "conclave.yaml");
        File.WriteAllText(path, "cluster: { data: ./state, nodez: 1 }\nservices: { web: { comand: x } }\n");

        Assert.Equal(Path.Combine(_root, "state"), ClusterFile.DataDirectory(path));
    }

    [Fact]
    public void An_env_file_with_a_bad_line_is_named_with_that_line()
    {
        File.WriteAllText(Path.Combine(_root, ".env"), "A=1\nB\n");

        Assert.Equal(
            ["conclave.yaml:1: services.web.env_file: .env:2: no '=' after a name; write NAME=value, one per line"],
            ProblemsOf("services: { web: { command: sh, env_file: .env } }"));
    }

    // Each file has exactly one mistake; {root} stands for its directory.
    public static TheoryData<string, string> BadFiles => new()
    {
        // YAML's traps
        { "services:\n  web:\n    command: [sh, {port}]\n", "conclave.yaml:3: services.web.command[1]: {port} stands outside quotes, which makes it a mapping; write \"{port}\"" },
        { "services:\n  web:\n    command: [sh, http://127.0.0.1:{port}]\n", "conclave.yaml:3: {port} stands outside quotes; braces are YAML's own; put the whole text in quotes, such as \"http://127.0.0.1:{port}\"" },
        { "services:\n  web:\n    command: sh\n    environment: { A: {port} }\n", "conclave.yaml:4: services.web.environment.A: {port} stands outside quotes, which makes it a mapping; write \"{port}\"" },
        { "services:\n  web:\n    command: sh\n    restart: no\n", "conclave.yaml:4: services.web.restart is 'no'; YAML takes that for a boolean; write restart: never" },
        { "services:\n  web:\n    command: sh\n    restart: unless-stopped\n", "conclave.yaml:4: services.web.restart is 'unless-stopped'; write always: 'conclave stop' is remembered anyway" },
        { "services:\n  web:\n\tcommand: sh\n", "conclave.yaml:3: a tab indents this line; YAML takes spaces only; replace the tab" },
        { "services:\n  web:\n    command: sh\n    replicas: 1\n    replicas: 2\n", "conclave.yaml:5: 'replicas' stands twice, first in line 4; remove one of them" },
        { "services:\n  web: { command: sh }\n  web: { command: sh }\n", "conclave.yaml:3: 'web' stands twice, first in line 2; remove one of them" },
        { "services:\n  web: { command: sh, replicas: 010 }\n", "conclave.yaml:2: services.web.replicas is '010', which some read as octal; write 10" },
        { "services:\n  web: { command: \"sh }\n", "conclave.yaml:2: not YAML: while scanning a quoted scalar, found unexpected end of stream; a double quote is not closed" },
        { "services:\n  web: { command: [sh }\n", "conclave.yaml:2: not YAML: while parsing a flow sequence, did not find expected ',' or ']'; a [ or ] has no partner" },
        { "services:\n  web: { command: sh }\n---\na: 1\n", "conclave.yaml:3: a second document begins here; keep one document per file" },
        { "", "conclave.yaml:1: the file is empty; 'conclave init' writes one to begin with" },
        { "# nothing\n", "conclave.yaml:1: the file is empty; 'conclave init' writes one to begin with" },
        { "- a\n", "conclave.yaml:1: the file is a list; it begins with keys such as name: and services:" },

        // keys
        { "services:\n  web:\n    comand: sh\n    command: sh\n", "conclave.yaml:3: unknown key 'services.web.comand'; did you mean 'command'?" },
        { "services: { web: { command: sh } }\ngatewya: {}\n", "conclave.yaml:2: unknown key 'gatewya'; did you mean 'gateway'?" },
        { "services: { web: { command: sh } }\nstore: { etcd: [] }\n", "conclave.yaml:2: unknown key 'store'; it belongs under cluster:" },
        { "services: { web: { command: sh } }\ncluster: { zzz: 1 }\n", "conclave.yaml:2: unknown key 'cluster.zzz'; known here: data, election, nodes, store" },
        { "services:\n  web:\n    command: sh\n    image: nginx\n", "conclave.yaml:4: unknown key 'services.web.image'; Conclave runs programs, not containers: write command: [...]" },
        { "services:\n  web:\n    command: sh\n    ready: { htpp: /, http: / }\n", "conclave.yaml:4: unknown key 'services.web.ready.htpp'; did you mean 'http'?" },

        // values
        { "services: { web: { command: sh } }\ncluster: { nodes: 0 }\n", "conclave.yaml:2: cluster.nodes is '0'; it must be a whole number from 1 to 9" },
        { "services: { web: { command: sh } }\ncluster: 3\n", "conclave.yaml:2: cluster is text; it needs keys below it, indented by two spaces" },
        { "services: { web: { command: sh } }\nname: Shop_1\n", "conclave.yaml:2: 'Shop_1' cannot name a cluster; use up to 40 lower-case letters, digits and dashes" },
        { "services: { web: { command: sh } }\ncluster: { election: bully }\n", "conclave.yaml:2: cluster.election is 'bully'; write raft or etcd" },
        { "services: { web: { command: sh } }\ncluster: { election: raft, store: { etcd: [\"http://h:1\"] } }\n", "conclave.yaml:2: cluster.election is raft and the store is an etcd of its own; write election: etcd, or remove the key" },
        { "services: { web: { command: sh } }\ncluster: { store: { etcd: \"127.0.0.1:2379\" } }\n", "conclave.yaml:2: cluster.store.etcd: '127.0.0.1:2379' is not an endpoint; write it like \"http://127.0.0.1:2379\"" },
        { "services: {}\n", "conclave.yaml:1: there are no services; write services: { web: { command: [...] } }" },
        { "name: a\n", "conclave.yaml:1: there are no services; write services: { web: { command: [...] } }" },
        { "services: { gateway: { command: sh } }\n", "conclave.yaml:1: 'gateway' is a name of Conclave's own; choose another name for the service" },
        { "services: { node-1: { command: sh } }\n", "conclave.yaml:1: 'node-1' is a name of Conclave's own; choose another name for the service" },
        { "services: { My_App: { command: sh } }\n", "conclave.yaml:1: 'My_App' cannot name a service; use up to 40 lower-case letters, digits and dashes, a letter first" },
        { "services:\n  web:\n", "conclave.yaml:2: services.web is empty; it needs at least a command" },
        { "services:\n  web: { replicas: 1 }\n", "conclave.yaml:2: services.web has no command; write command: [\"program\", \"argument\"]" },
        { "services:\n  web:\n    command: []\n", "conclave.yaml:3: services.web.command is empty; write [\"program\", \"argument\"]" },
        { "services:\n  web:\n    command: sh 'a\n", "conclave.yaml:3: services.web.command: a ' is not closed; write it as a list: [\"program\", \"argument\"]" },
        { "services:\n  web:\n    command: sh x && sh y\n", "conclave.yaml:3: services.web.command holds '&&' and no shell reads it; write [\"sh\", \"-c\", \"...\"], beginning the last command with exec" },
        { "services:\n  web:\n    command: no-such-program-here\n", "conclave.yaml:3: services.web.command: there is no program 'no-such-program-here' in PATH; install it, or write its path with a slash" },
        { "services:\n  web:\n    command: ./gone\n", "conclave.yaml:3: services.web.command: there is no program {root}/gone; build it or correct the path, which is relative to the service's directory" },
        { "services:\n  web:\n    command: sh\n    directory: ./gone\n", "conclave.yaml:4: services.web.directory: there is no directory {root}/gone; create it or correct the path, which is relative to this file" },
        { "services:\n  web:\n    command: sh\n    env_file: gone.env\n", "conclave.yaml:4: services.web.env_file: there is no file {root}/gone.env; create it or correct the path, which is relative to this file" },
        { "services:\n  web:\n    command: sh\n    environment: { PORT: 80 }\n", "conclave.yaml:4: services.web.environment: Conclave sets PORT itself; remove it" },
        { "services:\n  web:\n    command: sh\n    environment:\n      A:\n", "conclave.yaml:5: services.web.environment.A has no value; write A: \"\" for an empty one; what Conclave itself inherits is passed on anyway" },
        { "services:\n  web:\n    command: sh\n    environment: [A]\n", "conclave.yaml:4: services.web.environment: 'A' has no '='; write NAME=value" },
        { "services:\n  web:\n    command: sh\n    replicas: many\n", "conclave.yaml:4: services.web.replicas is 'many'; it must be a whole number from 0 to 1000" },
        { "services:\n  web:\n    command: sh\n    stop_signal: SIGFOO\n", "conclave.yaml:4: services.web.stop_signal is 'SIGFOO'; write one of HUP, INT, QUIT, ABRT, KILL, USR1, USR2, PIPE, ALRM, TERM, CONT, STOP, WINCH" },
        { "services:\n  web:\n    command: sh\n    stop_grace_period: 20\n", "conclave.yaml:4: services.web.stop_grace_period is '20'; give it a unit: 20s or 20ms" },
        { "services:\n  web:\n    command: sh\n    stop_grace_period: soon\n", "conclave.yaml:4: services.web.stop_grace_period is 'soon'; write a duration up to 24h such as 500ms, 1s or 1m30s" },
        { "services:\n  web:\n    command: sh\n    ready: { http: readyz }\n", "conclave.yaml:4: services.web.ready.http is 'readyz'; write a path such as /readyz; another port goes into port:" },
        { "services:\n  web:\n    command: sh\n    ready: { http: /, tcp: 80 }\n", "conclave.yaml:4: services.web.ready needs exactly one way of asking; write http: /path, tcp: \"{port}\" or command: [...]" },
        { "services:\n  web:\n    command: sh\n    ready: { tcp: 70000 }\n", "conclave.yaml:4: services.web.ready.tcp is '70000'; write \"{port}\" or a port from 1 to 65535" },
        { "services:\n  web:\n    command: sh\n    live: { http: /, interval: 0s }\n", "conclave.yaml:4: services.web.live.interval is 0s; the least is 10ms" },
        { "services:\n  web:\n    command: sh\n    live: { http: /, failures: 0 }\n", "conclave.yaml:4: services.web.live.failures is '0'; it must be a whole number from 1 to 10000" },

        // gateway
        { "services: { web: { command: sh } }\ngateway:\n  listen: 8080\n", "conclave.yaml:3: gateway.listen: '8080' is not an address to listen on; write \"http://127.0.0.1:8080\"" },
        { "services: { web: { command: sh } }\ngateway:\n  listen: [\"127.0.0.1:8080\"]\n", "conclave.yaml:3: gateway.listen: '127.0.0.1:8080' is not an address to listen on; write \"http://127.0.0.1:8080\"" },
        { "services: { web: { command: sh } }\ngateway:\n  listen: [\"https://127.0.0.1:8443\"]\n", "conclave.yaml:3: gateway.listen: 'https://127.0.0.1:8443' is not an address to listen on; TLS at the gateway is not there yet; write http://" },
        { "services: { web: { command: sh } }\ngateway:\n  listen: [\"http://127.0.0.1:99999\"]\n", "conclave.yaml:3: gateway.listen: 'http://127.0.0.1:99999' is not an address to listen on; write it like \"http://127.0.0.1:8080\"" },
        { "services: { web: { command: sh } }\ngateway:\n  listen: [\"h2://127.0.0.1:8081\"]\n", "conclave.yaml:3: gateway.listen: 'h2://127.0.0.1:8081' is not an address to listen on; write http://, or h2c:// for HTTP/2 without TLS" },
        { "services: { web: { command: sh } }\ngateway:\n  listen: [\"h2c://127.0.0.1\"]\n", "conclave.yaml:3: gateway.listen: 'h2c://127.0.0.1' is not an address to listen on; write the port, as in h2c://127.0.0.1:8081" },
        { "services: { web: { command: sh } }\ngateway:\n  listen: [\"h2c://127.0.0.1:8081/shop\"]\n", "conclave.yaml:3: gateway.listen: 'h2c://127.0.0.1:8081/shop' is not an address to listen on; a path belongs into gateway.routes" },
        { "services: { web: { command: sh } }\ngateway:\n  listen: [\"h2c://shop.example:8081\"]\n", "conclave.yaml:3: gateway.listen: 'h2c://shop.example:8081' is not an address to listen on; write an IP address of this machine, or localhost" },
        { "services: { web: { command: sh } }\ngateway:\n  listen: [\"http://127.0.0.1:8080\", \"h2c://127.0.0.1:8080/\"]\n", "conclave.yaml:3: gateway.listen: 127.0.0.1:8080 is asked for as http:// and as h2c://; give one of them a port of its own" },
        { "services: { web: { command: sh } }\ngateway:\n  routes: { \"/\": shop }\n", "conclave.yaml:3: gateway.routes: '/' goes to 'shop', which is no service of this file; there are: web" },
        { "services: { web: { command: sh } }\ngateway:\n  routes: { \"/a b\": web }\n", "conclave.yaml:3: gateway.routes: '/a b' is neither a path nor a host; write \"/path\", \"shop.example\" or \"shop.example/path\"" },
        { "services: { web: { command: sh }, api: { command: sh } }\ngateway: {}\n", "conclave.yaml:2: gateway has no routes; write routes: { \"/\": name-of-a-service }" },
    };

    [Theory]
    [MemberData(nameof(BadFiles))]
    public void A_mistake_is_one_line_with_file_line_and_remedy(string yaml, string expected)
    {
        var problem = Assert.Single(ProblemsOf(yaml));

        Assert.Equal(expected.Replace("{root}", _root, StringComparison.Ordinal), problem);
        Assert.Equal(ExitCode.Usage, new ClusterFileException([problem]).ExitCode);
    }
}
