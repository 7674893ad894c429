using System.Buffers;
using System.Globalization;
using System.Text;
using System.Text.Json;
using Kaji.Engine;
using k8s;
using k8s.Models;
using Microsoft.AspNetCore.Http;

namespace Kaji.Node.Server;

/// <summary>What runs here and what it uses: <c>/pods</c>, <c>/stats/summary</c>, <c>/metrics/resource</c> (metrics-server reads it) and <c>/metrics/cadvisor</c>.</summary>
internal sealed class UsageHandler(string nodeName, IPodDirectory pods, IContainerRuntime runtime, TimeProvider time)
{
    private const string MetricsType = "text/plain; version=0.0.4; charset=utf-8";

    public Task PodsAsync(HttpContext context)
    {
        var list = new V1PodList { ApiVersion = "v1", Kind = "PodList", Metadata = new V1ListMeta(), Items = [.. pods.List().Select(p => p.Pod)] };
        return Answers.TextAsync(context, StatusCodes.Status200OK, KubernetesJson.Serialize(list), "application/json");
    }

    /// <summary>Prometheus text, one sample a container, and the sums of Pods and node.</summary>
    public Task MetricsAsync(HttpContext context, bool resourceOnly)
    {
        var now = time.GetUtcNow();
        var usages = Usages();
        var text = new StringBuilder();
        Family(text, "container_cpu_usage_seconds_total", "counter", "Cumulative cpu time consumed by the container in core-seconds", usages, u => Seconds(u.Stats.CpuNanoseconds), now);
        Family(text, "container_memory_working_set_bytes", "gauge", "Current working set of the container in bytes", usages, u => Whole(u.Stats.WorkingSetBytes), now);
        if (resourceOnly)
        {
            Family(text, "container_start_time_seconds", "gauge", "Start time of the container since unix epoch in seconds", usages, u => Seconds((u.StartedAt - DateTimeOffset.UnixEpoch).Ticks * 100), now);
            var sums = usages.GroupBy(u => (u.Namespace, u.Pod)).ToList();
            PodFamily(text, "pod_cpu_usage_seconds_total", "counter", "Cumulative cpu time consumed by the pod in core-seconds", sums.Select(g => (g.Key, Seconds(g.Sum(u => u.Stats.CpuNanoseconds)))), now);
            PodFamily(text, "pod_memory_working_set_bytes", "gauge", "Current working set of the pod in bytes", sums.Select(g => (g.Key, Whole(g.Sum(u => u.Stats.WorkingSetBytes)))), now);
            var node = NodeUsage.Read();
            Plain(text, "node_cpu_usage_seconds_total", "counter", "Cumulative cpu time consumed by the node in core-seconds", Seconds(node.CpuNanoseconds), now);
            Plain(text, "node_memory_working_set_bytes", "gauge", "Current working set of the node in bytes", Whole(node.WorkingSetBytes), now);
        }
        else
        {
            Family(text, "container_memory_usage_bytes", "gauge", "Current memory usage in bytes", usages, u => Whole(u.Stats.MemoryBytes), now);
            Family(text, "container_processes", "gauge", "Number of processes and threads running inside the container", usages, u => Whole(u.Stats.Pids), now);
        }

        return Answers.TextAsync(context, StatusCodes.Status200OK, text.ToString(), MetricsType);
    }

    /// <summary>Counts of what the node runs.</summary>
    public Task CountsAsync(HttpContext context)
    {
        var containers = runtime.ListContainers();
        var text = new StringBuilder();
        text.Append("# HELP kubelet_running_pods Number of pods that have a running pod sandbox\n# TYPE kubelet_running_pods gauge\n");
        text.Append(CultureInfo.InvariantCulture, $"kubelet_running_pods {runtime.ListSandboxes().Count(s => s.State == SandboxState.Ready)}\n");
        text.Append("# HELP kubelet_running_containers Number of containers currently running\n# TYPE kubelet_running_containers gauge\n");
        foreach (var state in containers.GroupBy(c => c.State))
        {
            text.Append(CultureInfo.InvariantCulture, $"kubelet_running_containers{{container_state=\"{state.Key.ToString().ToLowerInvariant()}\"}} {state.Count()}\n");
        }

        return Answers.TextAsync(context, StatusCodes.Status200OK, text.ToString(), MetricsType);
    }

    /// <summary>The kubelet's Summary API, as far as the runtime counts.</summary>
    public async Task SummaryAsync(HttpContext context)
    {
        var now = time.GetUtcNow();
        var node = NodeUsage.Read();
        var bytes = new ArrayBufferWriter<byte>();
        await using (var json = new Utf8JsonWriter(bytes))
        {
            json.WriteStartObject();
            json.WriteStartObject("node");
            json.WriteString("nodeName", nodeName);
            Write(json, now, node.CpuNanoseconds, node.TotalBytes - node.FreeBytes, node.WorkingSetBytes, node.AvailableBytes);
            json.WriteEndObject();
            json.WriteStartArray("pods");
            foreach (var pod in Usages().GroupBy(u => (u.Namespace, u.Pod, u.Uid)))
            {
                json.WriteStartObject();
                json.WriteStartObject("podRef");
                json.WriteString("name", pod.Key.Pod);
                json.WriteString("namespace", pod.Key.Namespace);
                json.WriteString("uid", pod.Key.Uid);
                json.WriteEndObject();
                json.WriteString("startTime", Time(pod.Min(u => u.StartedAt)));
                json.WriteStartArray("containers");
                foreach (var container in pod)
                {
                    json.WriteStartObject();
                    json.WriteString("name", container.Container);
                    json.WriteString("startTime", Time(container.StartedAt));
                    Write(json, container.Stats.At, container.Stats.CpuNanoseconds, container.Stats.MemoryBytes, container.Stats.WorkingSetBytes, null);
                    json.WriteEndObject();
                }

                json.WriteEndArray();
                Write(json, now, pod.Sum(u => u.Stats.CpuNanoseconds), pod.Sum(u => u.Stats.MemoryBytes), pod.Sum(u => u.Stats.WorkingSetBytes), null);
                json.WriteEndObject();
            }

            json.WriteEndArray();
            json.WriteEndObject();
        }

        context.Response.ContentType = "application/json";
        await context.Response.BodyWriter.WriteAsync(bytes.WrittenMemory, context.RequestAborted);
    }

    private List<Usage> Usages() =>
    [
        .. from pod in pods.List()
           from container in pod.Containers
           where container.ContainerId is not null
           let id = container.ContainerId!
           let stats = runtime.GetStats(id)
           where stats is not null
           select new Usage(pod.Pod.Metadata.NamespaceProperty, pod.Pod.Metadata.Name, pod.Pod.Metadata.Uid, container.Name, runtime.GetContainer(id)?.StartedAt ?? stats.At, stats),
    ];

    private static void Write(Utf8JsonWriter json, DateTimeOffset at, long cpu, long memory, long workingSet, long? available)
    {
        json.WriteStartObject("cpu");
        json.WriteString("time", Time(at));
        json.WriteNumber("usageCoreNanoSeconds", cpu);
        json.WriteEndObject();
        json.WriteStartObject("memory");
        json.WriteString("time", Time(at));
        if (available is { } bytes)
        {
            json.WriteNumber("availableBytes", bytes);
        }

        json.WriteNumber("usageBytes", memory);
        json.WriteNumber("workingSetBytes", workingSet);
        json.WriteEndObject();
    }

    private static void Family(StringBuilder text, string name, string type, string help, List<Usage> usages, Func<Usage, string> value, DateTimeOffset now)
    {
        text.Append(CultureInfo.InvariantCulture, $"# HELP {name} {help}\n# TYPE {name} {type}\n");
        foreach (var usage in usages)
        {
            text.Append(CultureInfo.InvariantCulture, $"{name}{{container=\"{usage.Container}\",namespace=\"{usage.Namespace}\",pod=\"{usage.Pod}\"}} {value(usage)} {now.ToUnixTimeMilliseconds()}\n");
        }
    }

    private static void PodFamily(StringBuilder text, string name, string type, string help, IEnumerable<((string Namespace, string Pod) Pod, string Value)> sums, DateTimeOffset now)
    {
        text.Append(CultureInfo.InvariantCulture, $"# HELP {name} {help}\n# TYPE {name} {type}\n");
        foreach (var (pod, value) in sums)
        {
            text.Append(CultureInfo.InvariantCulture, $"{name}{{namespace=\"{pod.Namespace}\",pod=\"{pod.Pod}\"}} {value} {now.ToUnixTimeMilliseconds()}\n");
        }
    }

    private static void Plain(StringBuilder text, string name, string type, string help, string value, DateTimeOffset now) =>
        text.Append(CultureInfo.InvariantCulture, $"# HELP {name} {help}\n# TYPE {name} {type}\n{name} {value} {now.ToUnixTimeMilliseconds()}\n");

    private static string Seconds(long nanoseconds) => (nanoseconds / 1e9).ToString("0.######", CultureInfo.InvariantCulture);

    private static string Whole(long value) => value.ToString(CultureInfo.InvariantCulture);

    private static string Time(DateTimeOffset time) => time.UtcDateTime.ToString("yyyy-MM-ddTHH:mm:ssZ", CultureInfo.InvariantCulture);

    private sealed record Usage(string Namespace, string Pod, string Uid, string Container, DateTimeOffset StartedAt, ContainerStats Stats);
}
