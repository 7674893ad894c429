using System.Globalization;
using System.Text.Json.Nodes;

namespace Kaji.Conformance.Running;

/// <summary>Pods and Services of one test, in a namespace of its own.</summary>
public sealed class Workloads(ConformanceCluster cluster, string ns)
{
    public const string Image = "conformance/agent:1";

    public string Namespace => ns;

    public Api Api => cluster.Admin;

    public string Pods => $"/api/v1/namespaces/{ns}/pods";

    public string Services => $"/api/v1/namespaces/{ns}/services";

    public static async Task<Workloads> StartAsync(ConformanceCluster cluster)
    {
        await cluster.ImageAsync();
        return new Workloads(cluster, await cluster.NamespaceAsync());
    }

    /// <summary>A Pod that serves on 8080 (or as <paramref name="command"/> says) and has the label app=NAME (or <paramref name="app"/>), running and ready.</summary>
    /// <param name="container">More fields of the container, as JSON members.</param>
    /// <param name="spec">More fields of the spec, as JSON members.</param>
    public async Task<JsonNode> PodAsync(string name, string? app = null, string command = "\"/agent\",\"serve\",\"8080\"", string container = "", string spec = "", bool ready = true)
    {
        (await Api.PostAsync(Pods, PodJson(name, app ?? name, command, container, spec))).Ok(201);
        return ready ? await ReadyAsync(name) : (await Api.GetAsync($"{Pods}/{name}")).Ok().Json;
    }

    public static string PodJson(string name, string app, string command, string container, string spec) =>
        "{\"apiVersion\":\"v1\",\"kind\":\"Pod\",\"metadata\":{\"name\":\"" + name + "\",\"labels\":{\"app\":\"" + app + "\"}},\"spec\":{\"terminationGracePeriodSeconds\":1"
        + (spec.Length > 0 ? "," + spec : "") + ",\"containers\":[" + ContainerJson(command, container) + "]}}";

    public static string ContainerJson(string command = "\"/agent\",\"serve\",\"8080\"", string container = "") =>
        "{\"name\":\"agent\",\"image\":\"" + Image + "\",\"imagePullPolicy\":\"Never\",\"command\":[" + command + "]" + (container.Length > 0 ? "," + container : "") + "}";

    public async Task<JsonNode> ReadyAsync(string name) => (await Api.UntilAsync($"{Pods}/{name}", a => IsReady(a.Ok().Json))).Json;

    public static bool IsReady(JsonNode pod) => pod["status"]?["conditions"]?.AsArray().Any(c => (string)c!["type"]! == "Ready" && (string)c["status"]! == "True") == true;

    public static string Ip(JsonNode pod) => (string)pod["status"]!["podIP"]!;

    public static int Restarts(JsonNode pod) => (int?)pod["status"]?["containerStatuses"]?[0]?["restartCount"] ?? 0;

    /// <param name="spec">The Service's spec.</param>
    public async Task<JsonNode> ServiceAsync(string name, string spec) =>
        (await Api.PostAsync(Services, "{\"apiVersion\":\"v1\",\"kind\":\"Service\",\"metadata\":{\"name\":\"" + name + "\"},\"spec\":" + spec + "}")).Ok(201).Json;

    /// <summary>Runs in a Pod; the output, or null when the command failed.</summary>
    public async Task<string?> ExecAsync(string pod, params string[] command)
    {
        var (code, output) = await cluster.KubectlAsync(["-n", ns, "exec", pod, "--", .. command]);
        return code == 0 ? output.Trim() : null;
    }

    /// <summary>Fetches by HTTP from within a Pod; null when that failed.</summary>
    public Task<string?> WgetAsync(string pod, string url) => ExecAsync(pod, "/bin/timeout", "3", "/bin/wget", "-q", "-O", "-", url);

    /// <summary>Asks again and again until it holds.</summary>
    public static async Task<string> UntilAsync(Func<Task<string?>> ask, Func<string?, bool> holds, string what)
    {
        var end = TimeProvider.System.GetUtcNow() + TimeSpan.FromSeconds(30);
        while (true)
        {
            var answer = await ask();
            if (holds(answer))
            {
                return answer ?? "";
            }

            Assert.True(TimeProvider.System.GetUtcNow() < end, $"{what}; last answer: {answer}");
            await Task.Delay(50); // poll interval of a condition
        }
    }

    public static string Number(long value) => value.ToString(CultureInfo.InvariantCulture);
}
