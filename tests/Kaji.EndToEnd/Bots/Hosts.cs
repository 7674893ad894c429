using System.Collections.Concurrent;
using System.Diagnostics;
using System.Globalization;
using System.Text.Json.Nodes;

namespace Kaji.EndToEnd.Bots;

/// <summary>
/// Three hosts as network namespaces on one bridge: a server (without bots) and two agents. The paper exchange runs outside of them, so that a host that is cut off from the server still reaches it.
/// </summary>
/// <param name="sidecar">The operator runs apart from the server, and wardens are sidecars: as on any Kubernetes.</param>
public abstract class Hosts(bool sidecar) : IAsyncLifetime
{
    /// <summary>The two that bots run on.</summary>
    public static readonly string[] Agents = ["b", "c"];

    private const int ExchangePort = 8088;
    private const int ApiPort = 7443;
    private static int _made;

    // The kernel takes its time with the interfaces of a namespace that is deleted: no name is used twice.
    private readonly int _number = (Environment.ProcessId * 4) + Interlocked.Increment(ref _made);
    private readonly string _directory = Directory.CreateTempSubdirectory("kaji-hosts-").FullName;
    private readonly Dictionary<string, Process> _agents = new(StringComparer.Ordinal);
    private readonly ConcurrentDictionary<string, ConcurrentQueue<string>> _said = new(StringComparer.Ordinal);
    private Process? _exchange;
    private Process? _operator;

    public string Exchange => $"http://{Net}.1:{ExchangePort}";

    public string Server => $"https://{Net}.2:{ApiPort}";

    public Journal Journal => new(after => GetAsync($"{Exchange}/admin/journal?after={after}"), () => GetAsync(Exchange + "/admin/open-orders"));

    public static string NodeOf(string host) => "host-" + host;

    public async ValueTask InitializeAsync()
    {
        await RunAsync("ip", "link", "add", Bridge, "type", "bridge");
        await RunAsync("ip", "addr", "add", $"{Net}.1/24", "dev", Bridge);
        await RunAsync("ip", "link", "set", Bridge, "up");
        foreach (var (host, number) in new[] { ("a", 2), ("b", 3), ("c", 4) })
        {
            await RunAsync("ip", "netns", "add", Namespace(host));
            await RunAsync("ip", "link", "add", $"kv{host}{Run}", "type", "veth", "peer", "name", "eth0", "netns", Namespace(host));
            await RunAsync("ip", "link", "set", $"kv{host}{Run}", "master", Bridge, "up");
            await RunAsync("ip", "-n", Namespace(host), "link", "set", "lo", "up");
            await RunAsync("ip", "-n", Namespace(host), "addr", "add", $"{Net}.{number}/24", "dev", "eth0");
            await RunAsync("ip", "-n", Namespace(host), "link", "set", "eth0", "up");
            await RunAsync("ip", "-n", Namespace(host), "route", "add", "default", "via", $"{Net}.1");
        }

        _exchange = Command.Start(await FleetImage.ProgramAsync(), ["exchange"], new Dictionary<string, string>(StringComparer.Ordinal) { ["PORT"] = ExchangePort.ToString(CultureInfo.InvariantCulture), ["API_KEYS_COUNT"] = "20" });
        Drain("exchange", _exchange);
        (await InAsync("a", [TestCluster.Kaji, "up", "--no-merge", "--listen", $"0.0.0.0:{ApiPort}", "--advertise-address", $"{Net}.2", "--data-dir", Data("a"), .. sidecar ? ["--no-bots"] : Array.Empty<string>()])).Ok();
        var token = await TokenAsync();
        foreach (var host in Agents)
        {
            await FleetImage.AddToAsync(Data(host));
            if (sidecar)
            {
                await WardenImage.AddToAsync(Data(host));
            }

            Join(host, "--server", Server, "--token", token);
        }

        await Eventually.HoldsAsync("both agents are nodes", async () => (await ReadyAsync()).Length == 3);

        if (sidecar)
        {
            _operator = Command.Start("nsenter", [$"--net=/run/netns/{Namespace("a")}", WardenImage.Operator, "operator", "--kubeconfig", Path.Combine(Data("a"), "kubeconfig")]);
            Drain("operator", _operator);
            await Eventually.HoldsAsync("the operator has installed the kinds", async () => (await KubectlAsync("get", "bots", "-A")).Code == 0);
        }

        // Failures of the server's own machine are another test's.
        var own = (await NodesAsync()).Select(n => (string)n["metadata"]!["name"]!).Single(n => !n.StartsWith("host-", StringComparison.Ordinal));
        (await KubectlAsync("cordon", own)).Ok();
    }

    public async ValueTask DisposeAsync()
    {
        var outcomes = new List<Outcome>();
        foreach (var host in Agents)
        {
            await CutAsync(host, false);
            if (_agents.TryGetValue(host, out var agent) && !agent.HasExited)
            {
                await Command.RunAsync("kill", "-CONT", Pid(host));
            }

            outcomes.Add(await InAsync(host, TestCluster.Kaji, "down", "--purge", "--data-dir", Data(host)));
        }

        outcomes.Add(await InAsync("a", TestCluster.Kaji, "down", "--purge", "--data-dir", Data("a")));
        foreach (var process in _agents.Values.Append(_exchange).Append(_operator).OfType<Process>())
        {
            if (!process.HasExited)
            {
                process.Kill();
            }

            await process.WaitForExitAsync();
            process.Dispose();
        }

        foreach (var host in Agents.Prepend("a"))
        {
            await RunAsync("ip", "netns", "del", Namespace(host));
        }

        await RunAsync("ip", "link", "del", Bridge);
        outcomes.ForEach(o => o.Ok());
        Directory.Delete(_directory, recursive: true);
    }

    /// <summary>A command as it would be typed on a host.</summary>
    public Task<Outcome> InAsync(string host, params string[] command) => Command.RunAsync("nsenter", [$"--net=/run/netns/{Namespace(host)}", .. command]);

    public string Data(string host) => Path.Combine(_directory, host);

    public Task<Outcome> KubectlAsync(params string[] arguments) => InAsync("a", [Path.Combine(TestCluster.Clients, "kubectl-1.35"), "--kubeconfig", Path.Combine(Data("a"), "kubeconfig"), .. arguments]);

    public async Task<string> TokenAsync() => (await InAsync("a", TestCluster.Kaji, "token", "create", "--data-dir", Data("a"))).Ok().Output.Trim();

    public async Task ApplyAsync(string yaml)
    {
        var file = Path.Combine(_directory, "apply.yaml");
        await File.WriteAllTextAsync(file, yaml);
        (await KubectlAsync("apply", "-f", file)).Ok();
    }

    /// <summary>Starts a host's agent.</summary>
    public void Join(string host, params string[] arguments)
    {
        var process = Command.Start("nsenter", [$"--net=/run/netns/{Namespace(host)}", TestCluster.Kaji, "agent", "--node-name", NodeOf(host), "--data-dir", Data(host), .. arguments]);
        Drain(host, process);
        _agents[host] = process;
    }

    /// <summary>Waits until a host's agent has ended.</summary>
    public async Task EndedAsync(string host)
    {
        await _agents[host].WaitForExitAsync(new CancellationTokenSource(Command.Limit).Token);
        _agents[host].Dispose();
        _agents.Remove(host);
    }

    /// <summary>What the agent of a host last said, for a test that fails.</summary>
    public string Said(string host) => string.Join('\n', _said[host].TakeLast(30));

    /// <summary>Drops all packets between a host and the server, or no more.</summary>
    public async Task CutAsync(string host, bool cut)
    {
        if (cut)
        {
            (await InAsync(host, "nft", $$"""
                add table ip cut; add chain ip cut o { type filter hook output priority 0; }; add chain ip cut i { type filter hook input priority 0; }; add chain ip cut f { type filter hook forward priority 0; };
                add rule ip cut o ip daddr {{Net}}.2 drop; add rule ip cut i ip saddr {{Net}}.2 drop; add rule ip cut f ip daddr {{Net}}.2 drop; add rule ip cut f ip saddr {{Net}}.2 drop
                """.ReplaceLineEndings(" "))).Ok();
        }
        else
        {
            await InAsync(host, "nft", "delete", "table", "ip", "cut");
        }
    }

    /// <summary>A signal to a host's agent.</summary>
    public async Task SignalAsync(string host, string signal) => (await Command.RunAsync("kill", "-" + signal, Pid(host))).Ok();

    /// <summary>Everything of a host ends at once: its network, its agent, its guard, its containers.</summary>
    public async Task PowerOffAsync(string host)
    {
        await RunAsync("ip", "-n", Namespace(host), "link", "set", "eth0", "down");
        var cluster = Path.GetFileName(TestCluster.RunOf(Data(host)));
        foreach (var process in Directory.EnumerateDirectories("/proc").Where(d => char.IsAsciiDigit(Path.GetFileName(d)[0]) && IsOf(d, Data(host), $"/{cluster}/")))
        {
            await Command.RunAsync("kill", "-9", Path.GetFileName(process));
        }
    }

    /// <summary>Gives a host its network back.</summary>
    public async Task PowerOnAsync(string host)
    {
        await RunAsync("ip", "-n", Namespace(host), "link", "set", "eth0", "up");
        await Command.RunAsync("ip", "-n", Namespace(host), "route", "add", "default", "via", $"{Net}.1");
    }

    public async Task<JsonNode[]> NodesAsync() => [.. JsonNode.Parse((await KubectlAsync("get", "nodes", "-o", "json")).Ok().Output)!["items"]!.AsArray().Select(n => n!)];

    /// <summary>Names of the nodes that are ready.</summary>
    public async Task<string[]> ReadyAsync() =>
        [.. (await NodesAsync()).Where(n => n["status"]?["conditions"]?.AsArray().Any(c => (string)c!["type"]! == "Ready" && (string)c["status"]! == "True") == true).Select(n => (string)n["metadata"]!["name"]!)];

    public async Task<JsonNode> StatusAsync(string ns) => JsonNode.Parse((await KubectlAsync("-n", ns, "get", "bot", "churn", "-o", "json")).Ok().Output)!["status"] ?? new JsonObject();

    /// <summary>Waits until the bot acts under a later epoch than one.</summary>
    public Task<JsonNode> ActsAsync(string ns, long after = 0) => Eventually.GetAsync($"bot of {ns} acts with an epoch after {after}", async () =>
        await StatusAsync(ns) is { } status && (string?)status["phase"] == "Active" && (long)status["epoch"]! > after ? status : null);

    private string Run => (_number % 100_000).ToString(CultureInfo.InvariantCulture);

    private string Net => $"198.18.{_number % 250}";

    private string Bridge => "kb" + Run;

    private string Namespace(string host) => $"kaji-{Run}-{host}";

    private string Pid(string host) => TestCluster.PidOf(Data(host));

    private static async Task RunAsync(string program, params string[] arguments) => (await Command.RunAsync(program, arguments)).Ok();

    private static async Task<string> GetAsync(string url)
    {
        using var http = new HttpClient();
        return await http.GetStringAsync(new Uri(url));
    }

    private static bool IsOf(string process, string data, string cgroup)
    {
        try
        {
            return File.ReadAllText(process + "/cmdline").Split('\0').Any(w => w == data || w.StartsWith(data + "/", StringComparison.Ordinal)) || File.ReadAllText(process + "/cgroup").Contains(cgroup, StringComparison.Ordinal);
        }
        catch (IOException)
        {
            // It has ended meanwhile.
            return false;
        }
    }

    private void Drain(string name, Process process)
    {
        var lines = _said.GetOrAdd(name, _ => new ConcurrentQueue<string>());
        process.OutputDataReceived += (_, e) => lines.Enqueue(e.Data ?? "");
        process.ErrorDataReceived += (_, e) => lines.Enqueue(e.Data ?? "");
        process.BeginOutputReadLine();
        process.BeginErrorReadLine();
    }
}

/// <summary>The node agents are the wardens.</summary>
public sealed class AgentHosts() : Hosts(sidecar: false);

/// <summary>A sidecar of each Pod is its warden.</summary>
public sealed class SidecarHosts() : Hosts(sidecar: true);
