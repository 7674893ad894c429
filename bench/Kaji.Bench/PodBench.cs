using System.Diagnostics;
using System.Net.Http.Headers;
using System.Text;
using System.Text.Json.Nodes;

namespace Kaji.Bench;

/// <summary>
/// Real containers: start to ready, idle cost, one Pod's start, 100 Pods at once, a killed container running again.
/// The peer (Kubernetes 1.36.2, kubelet, containerd on this kind of machine): 388 ms a Pod, 100 in 26.9 s, killed and running again 963 ms, 803 MiB with 120 Pods.
/// </summary>
internal static class PodBench
{
    private const string Image = "bench/busybox:1";

    public static async Task RunAsync()
    {
        await using var cluster = await ClusterUnderTest.StartAsync();
        Console.WriteLine($"first start (new data directory): {cluster.FirstStart.TotalSeconds:0.00} s");
        var starts = new List<double>();
        for (var i = 0; i < 5; i++)
        {
            await cluster.StopAsync();
            starts.Add((await cluster.UpAsync()).TotalSeconds);
        }

        Console.WriteLine($"start to ready (API, node, DNS): median {starts.Order().ElementAt(2):0.00} s ({starts.Min():0.00}-{starts.Max():0.00}, n=5)");
        await BuildImageAsync(cluster);

        using var client = cluster.Connect(16);
        var idle = cluster.Usage();
        using (var idleTime = new PeriodicTimer(TimeSpan.FromSeconds(20)))
        {
            await idleTime.WaitForNextTickAsync();
        }

        var later = cluster.Usage();
        Console.WriteLine($"idle: {later.Resident / 1e6:0} MB resident, {(later.Cpu - idle.Cpu).TotalSeconds / 20 * 100:0.00} % of a core");

        using var watch = await PodWatch.StartAsync(client, "default");
        var single = new List<double>();
        for (var i = 0; i < 50; i++)
        {
            var clock = Stopwatch.StartNew();
            await PostAsync(client, "/api/v1/namespaces/default/pods", ClusterUnderTest.Pod("default", $"one-{i}", Image));
            await watch.WaitAsync($"one-{i}", p => (string?)p["status"]?["phase"] == "Running");
            single.Add(clock.Elapsed.TotalMilliseconds);
        }

        Print("Pod create call to Running", single);

        var restarts = new List<double>();
        for (var i = 0; i < 8; i++)
        {
            var name = $"one-{i}";
            var pid = await PidAsync(cluster, watch.Get(name));
            var clock = Stopwatch.StartNew();
            await ClusterUnderTest.RunAsync("kill", "-9", pid);
            await watch.WaitAsync(name, p => p["status"]?["containerStatuses"]?[0] is { } s && (int)s["restartCount"]! == 1 && s["state"]?["running"] is not null);
            restarts.Add(clock.Elapsed.TotalMilliseconds);
        }

        Print("container killed by SIGKILL, running again", restarts);

        var many = Stopwatch.StartNew();
        var deployment = JsonNode.Parse($$$$$"""
            {"apiVersion":"apps/v1","kind":"Deployment","metadata":{"name":"many"},"spec":{"replicas":100,"selector":{"matchLabels":{"app":"many"}},
             "template":{"metadata":{"labels":{"app":"many"}},"spec":{"terminationGracePeriodSeconds":0,"containers":[{"name":"c","image":"{{{{{Image}}}}}","command":["/bin/sleep","100000"]}]}}}}
            """)!;
        await PostAsync(client, "/apis/apps/v1/namespaces/default/deployments", deployment);
        await watch.WaitForCountAsync(100, p => (string?)p["metadata"]!["labels"]?["app"] == "many" && p["status"]?["conditions"]?.AsArray().Any(c => (string?)c!["type"] == "Ready" && (string?)c["status"] == "True") == true);
        Console.WriteLine($"100 replicas created to Ready: {many.Elapsed.TotalSeconds:0.0} s, {100 / many.Elapsed.TotalSeconds:0.0} Pods/s");
        Console.WriteLine($"with 150 Pods: {cluster.Usage().Resident / 1e6:0} MB resident");

        var again = new List<double>();
        for (var i = 0; i < 3; i++)
        {
            await ClusterUnderTest.RunAsync("kill", "-9", $"{cluster.ServerPid}");
            again.Add((await cluster.UpAsync()).TotalMilliseconds);
        }

        Print("kill -9 with 150 Pods, ready again", again);
    }

    public static async Task BuildImageAsync(ClusterUnderTest cluster)
    {
        var files = Directory.CreateTempSubdirectory("kaji-bench-image-").FullName;
        Directory.CreateDirectory(Path.Combine(files, "bin"));
        File.Copy("/bin/busybox", Path.Combine(files, "bin", "busybox"));
        foreach (var tool in (string[])["sh", "sleep"])
        {
            File.CreateSymbolicLink(Path.Combine(files, "bin", tool), "busybox");
        }

        await cluster.KajiAsync("image", "build", Image, "--dir", files, "--data-dir", cluster.Data);
        Directory.Delete(files, recursive: true);
    }

    private static async Task<string> PidAsync(ClusterUnderTest cluster, JsonNode pod)
    {
        var id = ((string)pod["status"]!["containerStatuses"]![0]!["containerID"]!).Split("//")[1];
        var monitor = (await ClusterUnderTest.RunAsync("pgrep", "-f", $"conmon .*{cluster.Data}.*{id}|conmon .*{id}.*{cluster.Data}")).Split('\n')[0];
        return (await ClusterUnderTest.RunAsync("pgrep", "-P", monitor)).Split('\n')[0];
    }

    private static async Task PostAsync(HttpClient client, string path, JsonNode body)
    {
        using var content = new ByteArrayContent(Encoding.UTF8.GetBytes(body.ToJsonString()));
        content.Headers.ContentType = new MediaTypeHeaderValue("application/json");
        using var response = await client.PostAsync(path, content);
        if (!response.IsSuccessStatusCode)
        {
            throw new InvalidOperationException(await response.Content.ReadAsStringAsync());
        }
    }

    private static void Print(string what, List<double> milliseconds)
    {
        milliseconds.Sort();
        Console.WriteLine($"{what}: p50 {milliseconds[milliseconds.Count / 2]:0} ms  p99 {milliseconds[(int)(milliseconds.Count * 0.99)]:0} ms (from {milliseconds[0]:0}, n={milliseconds.Count})");
    }
}
