using System.Globalization;
using System.Text.Json.Nodes;

namespace Kaji.EndToEnd;

/// <summary>What dies comes back, what is not ready gets no traffic, and what is wrong is told.</summary>
[Collection("one cluster at a time")]
public sealed class HealingTests(TestCluster cluster) : IClassFixture<TestCluster>
{
    [Fact]
    public async Task KilledProcess_RunsAgain_WithRestartCountOne()
    {
        var ns = await cluster.NamespaceAsync();
        var pod = await SleeperAsync(ns, "bot");
        var pid = await PidAsync(pod);

        (await Command.RunAsync("kill", "-9", pid)).Ok();

        var after = await Eventually.GetAsync("running again", async () =>
        {
            var now = await cluster.GetAsync("pod", "bot", "-n", ns);
            var status = now["status"]!["containerStatuses"]![0]!;
            return (int)status["restartCount"]! == 1 && status["state"]!["running"] is not null ? now : null;
        });
        Assert.Equal(137, (int)after["status"]!["containerStatuses"]![0]!["lastState"]!["terminated"]!["exitCode"]!);
        Assert.NotEqual(pid, await PidAsync(after));
    }

    [Fact]
    public async Task DeletedPod_IsReplaced()
    {
        var ns = await cluster.NamespaceAsync();
        await cluster.ApplyAsync(TestCluster.WebDeployment(ns, "web", 1, "x"));
        (await cluster.KubectlAsync("-n", ns, "rollout", "status", "deploy/web", "--timeout=60s")).Ok();
        var first = (string)(await cluster.GetAsync("pods", "-n", ns))["items"]![0]!["metadata"]!["name"]!;

        (await cluster.KubectlAsync("-n", ns, "delete", "pod", first)).Ok();

        await Eventually.HoldsAsync("another pod is ready", async () =>
        {
            var pods = (await cluster.GetAsync("pods", "-n", ns))["items"]!.AsArray();
            return pods.Count == 1 && (string)pods[0]!["metadata"]!["name"]! != first && Condition(pods[0]!, "Ready") == "True";
        });
    }

    [Fact]
    public async Task FailingLivenessProbe_Restarts()
    {
        var ns = await cluster.NamespaceAsync();
        await cluster.ApplyAsync($$$"""
            apiVersion: v1
            kind: Pod
            metadata: {name: stuck, namespace: {{{ns}}}}
            spec:
              terminationGracePeriodSeconds: 1
              containers:
              - name: c
                image: {{{TestCluster.Image}}}
                command: ["/bin/sh", "-c", "touch /tmp/alive; sleep 3600"]
                livenessProbe: {exec: {command: ["/bin/ls", "/tmp/alive"]}, periodSeconds: 1, failureThreshold: 1, initialDelaySeconds: 1}
            """);
        (await cluster.KubectlAsync("-n", ns, "wait", "--for=condition=Ready", "pod/stuck", "--timeout=60s")).Ok();
        (await cluster.KubectlAsync("-n", ns, "exec", "stuck", "--", "rm", "/tmp/alive")).Ok();

        await Eventually.HoldsAsync("restarted", async () => (int)(await cluster.GetAsync("pod", "stuck", "-n", ns))["status"]!["containerStatuses"]![0]!["restartCount"]! >= 1);
        Assert.Contains("Liveness probe failed", (await cluster.KubectlAsync("-n", ns, "describe", "pod", "stuck")).Ok().Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task NotReadyPod_GetsNoTraffic()
    {
        var ns = await cluster.NamespaceAsync();
        await cluster.ApplyAsync(TestCluster.WebDeployment(ns, "web", 2, "$(hostname)"));
        (await cluster.KubectlAsync("-n", ns, "rollout", "status", "deploy/web", "--timeout=60s")).Ok();
        var address = (string)(await cluster.GetAsync("service", "web", "-n", ns))["spec"]!["clusterIP"]!;
        using var http = new HttpClient(new SocketsHttpHandler { PooledConnectionLifetime = TimeSpan.Zero }) { Timeout = TimeSpan.FromSeconds(5) };
        await Eventually.HoldsAsync("both answer", async () => (await AnswersAsync()).Count == 2);
        var pod = (string)(await cluster.GetAsync("pods", "-n", ns))["items"]![0]!["metadata"]!["name"]!;

        (await cluster.KubectlAsync("-n", ns, "exec", pod, "--", "rm", "/tmp/ready")).Ok();
        await Eventually.HoldsAsync("not ready", async () => Condition(await cluster.GetAsync("pod", pod, "-n", ns), "Ready") == "False");

        await Eventually.HoldsAsync("one answers", async () => (await AnswersAsync()) is [var only] && only.Trim() != pod);

        async Task<List<string>> AnswersAsync()
        {
            var seen = new HashSet<string>(StringComparer.Ordinal);
            for (var i = 0; i < 30; i++)
            {
                seen.Add(await http.GetStringAsync($"http://{address}/"));
            }

            return [.. seen];
        }
    }

    [Theory]
    [InlineData("image: nowhere.invalid/none:1", "ErrImagePull|ImagePullBackOff")]
    [InlineData("image: test/busybox:1, command: [/bin/not-there]", "CreateContainerError|RunContainerError|CrashLoopBackOff")]
    [InlineData("image: test/busybox:1, command: [/bin/sh], envFrom: [{configMapRef: {name: missing}}]", "CreateContainerConfigError")]
    public async Task WrongContainer_IsExplained(string container, string reasons)
    {
        var ns = await cluster.NamespaceAsync();
        await cluster.ApplyAsync($"{{apiVersion: v1, kind: Pod, metadata: {{name: wrong, namespace: {ns}}}, spec: {{containers: [{{name: c, {container}}}]}}}}");
        await Eventually.HoldsAsync($"waiting with {reasons}", async () =>
        {
            var waiting = (await cluster.GetAsync("pod", "wrong", "-n", ns))["status"]!["containerStatuses"]?[0]?["state"]?["waiting"];
            return waiting is not null && reasons.Split('|').Contains((string)waiting["reason"]!, StringComparer.Ordinal) && ((string?)waiting["message"])?.Length > 10;
        });
    }

    [Fact]
    public async Task TooLargePod_StaysPending_AndSaysWhy()
    {
        var ns = await cluster.NamespaceAsync();
        await cluster.ApplyAsync($"{{apiVersion: v1, kind: Pod, metadata: {{name: big, namespace: {ns}}}, spec: {{containers: [{{name: c, image: {TestCluster.Image}, resources: {{requests: {{cpu: '1000'}}}}}}]}}}}");
        await Eventually.HoldsAsync("unschedulable", async () =>
            (await cluster.GetAsync("pod", "big", "-n", ns))["status"]!["conditions"]?.AsArray().Any(c => (string?)c!["reason"] == "Unschedulable" && ((string)c["message"]!).Contains("Insufficient cpu", StringComparison.Ordinal)) == true);
    }

    [Fact]
    public async Task MemoryLimit_IsEnforced_AndToldAsOomKilled()
    {
        var ns = await cluster.NamespaceAsync();
        await cluster.ApplyAsync($$$"""
            apiVersion: v1
            kind: Pod
            metadata: {name: hungry, namespace: {{{ns}}}}
            spec:
              restartPolicy: Never
              containers:
              - {name: c, image: {{{TestCluster.Image}}}, command: ["/bin/sh", "-c", "tail /dev/zero"], resources: {limits: {memory: 32Mi} } }
            """);
        await Eventually.HoldsAsync("OOMKilled", async () =>
            (string?)(await cluster.GetAsync("pod", "hungry", "-n", ns))["status"]!["containerStatuses"]?[0]?["state"]?["terminated"]?["reason"] == "OOMKilled");
    }

    private static string? Condition(JsonNode pod, string type) =>
        (string?)pod["status"]!["conditions"]?.AsArray().FirstOrDefault(c => (string?)c!["type"] == type)?["status"];

    private async Task<JsonNode> SleeperAsync(string ns, string name)
    {
        await cluster.ApplyAsync($"{{apiVersion: v1, kind: Pod, metadata: {{name: {name}, namespace: {ns}}}, spec: {{containers: [{{name: c, image: {TestCluster.Image}, command: [/bin/sleep, '{SleepOf(ns, name)}']}}]}}}}");
        (await cluster.KubectlAsync("-n", ns, "wait", "--for=condition=Ready", $"pod/{name}", "--timeout=60s")).Ok();
        return await cluster.GetAsync("pod", name, "-n", ns);
    }

    /// <summary>The container's process on the host: the sleep with a length nobody else has.</summary>
    private static async Task<string> PidAsync(JsonNode pod) =>
        (await Command.RunAsync("pgrep", "-f", $"^/bin/sleep {SleepOf((string)pod["metadata"]!["namespace"]!, (string)pod["metadata"]!["name"]!)}$")).Ok().Output.Trim();

    private static string SleepOf(string ns, string name) =>
        (100_000 + (Math.Abs((ns + name).Aggregate(7, (hash, c) => unchecked((hash * 31) + c))) % 800_000)).ToString(CultureInfo.InvariantCulture);
}
