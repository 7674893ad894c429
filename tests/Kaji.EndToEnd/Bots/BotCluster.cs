using System.Diagnostics;
using System.Text.Json.Nodes;

namespace Kaji.EndToEnd.Bots;

/// <summary>A cluster with a paper exchange, and bots that place and cancel an order every 20 ms, so that its journal would show any overlap.</summary>
public abstract class BotCluster(params string[] flags) : IAsyncLifetime
{
    private const string Exchange = "/api/v1/namespaces/exchange/services/exchange:8080/proxy";

    public TestCluster Cluster { get; } = new(flags);

    public Journal Journal => new(after => RawAsync($"{Exchange}/admin/journal?after={after}"), () => RawAsync(Exchange + "/admin/open-orders"));

    public virtual async ValueTask InitializeAsync()
    {
        await Cluster.InitializeAsync();
        await FleetImage.AddToAsync(Cluster.Data);
        await Cluster.ApplyAsync($$$"""
            apiVersion: v1
            kind: Namespace
            metadata: {name: exchange}
            ---
            apiVersion: apps/v1
            kind: Deployment
            metadata: {name: exchange, namespace: exchange}
            spec:
              selector: {matchLabels: {app: exchange} }
              template:
                metadata: {labels: {app: exchange} }
                spec:
                  containers:
                  - name: exchange
                    image: {{{FleetImage.Name}}}
                    args: [exchange]
                    env: [{name: API_KEYS_COUNT, value: "20"}]
                    readinessProbe: {httpGet: {path: /readyz, port: 8080}, periodSeconds: 1}
            ---
            apiVersion: v1
            kind: Service
            metadata: {name: exchange, namespace: exchange}
            spec: {selector: {app: exchange}, ports: [{port: 8080}]}
            """);
        (await Cluster.KubectlAsync("-n", "exchange", "rollout", "status", "deploy/exchange", "--timeout=60s")).Ok();
    }

    public virtual ValueTask DisposeAsync() => Cluster.DisposeAsync();

    /// <summary>Makes an account and its one bot; returns when it acts.</summary>
    /// <param name="number">Of the exchange's accounts: one a test.</param>
    public async Task<string> BotAsync(int number, string exchange = "http://exchange.exchange:8080", string extra = "")
    {
        var ns = $"bots-{number}";
        await Cluster.ApplyAsync(Manifest(ns, number, exchange, extra));
        await ActsAsync(ns);
        return ns;
    }

    public static string Manifest(string ns, int number, string exchange, string extra = "") => $$$"""
        apiVersion: v1
        kind: Namespace
        metadata: {name: {{{ns}}}}
        ---
        apiVersion: v1
        kind: Secret
        metadata: {name: keys, namespace: {{{ns}}}}
        stringData: {key: bot{{{number}}}-key, secret: bot{{{number}}}-secret}
        ---
        apiVersion: bots.kaji.dev/v1alpha1
        kind: Account
        metadata: {name: main, namespace: {{{ns}}}}
        spec:
          exchange: paper
          credentials: {secretName: keys, env: {API_KEY: key, API_SECRET: secret} }
        ---
        apiVersion: bots.kaji.dev/v1alpha1
        kind: Bot
        metadata: {name: churn, namespace: {{{ns}}}}
        spec:
          account: main
          markets: [BTC-USDT]
          start:
            reconcile: {httpPost: {path: /hooks/reconcile, port: 8080} }
            activate: {httpPost: {path: /hooks/activate, port: 8080} }
          stop:
            tell: {httpPost: {path: /hooks/stop, port: 8080} }
            verify: {httpGet: {path: /hooks/open-orders, port: 8080} }
            deadlineSeconds: 5
          handover: {strategy: Warm, revertWindowSeconds: 10}
          guards:
          - {name: errors, metric: bot_errors_total, of: Rate, windowSeconds: 10, max: "2"}
          {{{extra}}}
          template:
            spec:
              terminationGracePeriodSeconds: 2
              containers:
              - name: bot
                image: {{{FleetImage.Name}}}
                args: [executor]
                env:
                - {name: HOOKS, value: "true"}
                - {name: MODE, value: churn}
                - {name: INTERVAL_MS, value: "20"}
                - {name: EXCHANGE_URL, value: "{{{exchange}}}"}
                readinessProbe: {httpGet: {path: /readyz, port: 8080}, periodSeconds: 1}
        """;

    public async Task<JsonNode> StatusAsync(string ns, string bot = "churn") => (await Cluster.GetAsync("bot", bot, "-n", ns))["status"] ?? new JsonObject();

    /// <summary>Waits until the bot acts, under a later epoch than one.</summary>
    public Task<JsonNode> ActsAsync(string ns, long after = 0, TimeSpan? within = null) => Eventually.GetAsync($"bot of {ns} acts with an epoch after {after}", async () =>
    {
        var status = await StatusAsync(ns);
        return (string?)status["phase"] == "Active" && (long)status["epoch"]! > after ? status : null;
    }, within);

    public Task<Outcome> KajiAsync(params string[] arguments) => Command.RunAsync(TestCluster.Kaji, [.. arguments, "--kubeconfig", Cluster.Kubeconfig]);

    /// <summary>Process ids of a Pod's programs of a name, on the host.</summary>
    public static async Task<string[]> ProcessesAsync(string pattern) =>
        (await Command.RunAsync("pgrep", "-f", pattern)).Output.Split('\n', StringSplitOptions.RemoveEmptyEntries);

    public async Task<string> RawAsync(string path) => (await Cluster.KubectlAsync("get", "--raw", path)).Ok().Output;
}

/// <summary>The node agent is the warden.</summary>
public sealed class AgentCluster : BotCluster;

/// <summary>A Kaji without the bots' help, as any Kubernetes: the operator runs outside, a sidecar is the warden.</summary>
public sealed class SidecarCluster() : BotCluster("--no-bots")
{
    private Process? _operator;

    public override async ValueTask InitializeAsync()
    {
        await WardenImage.AddToAsync(Cluster.Data);
        await base.InitializeAsync();
        _operator = Command.Start(WardenImage.Operator, ["operator", "--kubeconfig", Cluster.Kubeconfig]);
        _operator.BeginOutputReadLine();
        _operator.BeginErrorReadLine();
        await Eventually.HoldsAsync("the operator has installed the kinds", async () => (await Cluster.KubectlAsync("get", "bots", "-A")).Code == 0);
    }

    public override async ValueTask DisposeAsync()
    {
        if (_operator is { } process)
        {
            process.Kill();
            await process.WaitForExitAsync();
            process.Dispose();
        }

        await base.DisposeAsync();
    }
}
