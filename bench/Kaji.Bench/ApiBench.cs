using System.Diagnostics;
using System.Net;

namespace Kaji.Bench;

/// <summary>
/// Creates of 1 KiB ConfigMaps over TLS, each durable before it is answered, at 1, 16 and 64 connections, next to raw puts of etcd in the same run; list of 5,000 Pods.
/// The peer (Kubernetes 1.36.2 with etcd on this kind of machine): 479 / 1,319 / 1,333 creates/s.
/// </summary>
internal static class ApiBench
{
    public static async Task RunAsync()
    {
        await using var cluster = await ClusterUnderTest.StartAsync();
        Console.WriteLine($"ready after {cluster.FirstStart.TotalSeconds:0.00} s");
        var payload = new string('x', 900);
        var serial = 0;
        var rate = 0d;
        foreach (var connections in (int[])[1, 16, 64])
        {
            using var client = cluster.Connect(connections);
            var latencies = new List<double>[connections];
            var clock = Stopwatch.StartNew();
            var before = cluster.Usage();
            await Task.WhenAll(Enumerable.Range(0, connections).Select(i => Task.Run(async () =>
            {
                var mine = latencies[i] = [];
                while (clock.Elapsed < TimeSpan.FromSeconds(5))
                {
                    var name = $"c{Interlocked.Increment(ref serial)}";
                    var body = ClusterUnderTest.Json($$$"""{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"{{{name}}}"},"data":{"v":"{{{payload}}}"}}""");
                    var began = clock.Elapsed;
                    using var response = await client.PostAsync("/api/v1/namespaces/default/configmaps", body);
                    if (response.StatusCode != HttpStatusCode.Created)
                    {
                        throw new InvalidOperationException($"{response.StatusCode}: {await response.Content.ReadAsStringAsync()}");
                    }

                    mine.Add((clock.Elapsed - began).TotalMilliseconds);
                }
            })));
            var seconds = clock.Elapsed.TotalSeconds;
            var all = latencies.SelectMany(l => l).Order().ToArray();
            var cpu = (cluster.Usage().Cpu - before.Cpu).TotalMilliseconds / all.Length;
            rate = all.Length / seconds;
            Console.WriteLine($"create ConfigMap 1 KiB, {connections,2} connections: {rate,7:0}/s  p50 {all[all.Length / 2]:0.0} ms  p99 {all[(int)(all.Length * 0.99)]:0.0} ms  server CPU {cpu:0.00} ms/request");
        }

        await using (var etcd = await EtcdPeer.StartAsync())
        {
            if (etcd is not null)
            {
                var puts = await etcd.PutsAsync(64, TimeSpan.FromSeconds(5));
                Console.WriteLine($"raw put of Debian's etcd, 64 clients: {puts:0}/s; our create is {rate / puts:0.00} of it (Kubernetes' is 0.14 of one)");
            }
        }

        Console.WriteLine($"resident with {serial} ConfigMaps: {cluster.Usage().Resident / 1e6:0} MB");
        using (var client = cluster.Connect(16))
        {
            // Bound to no node, of a scheduler that is not there: objects only.
            await Parallel.ForEachAsync(Enumerable.Range(0, 5000), new ParallelOptions { MaxDegreeOfParallelism = 16 }, async (i, token) =>
            {
                var pod = ClusterUnderTest.Pod("default", $"listed-{i}", "bench/busybox:1");
                pod["spec"]!["schedulerName"] = "nobody";
                using var response = await client.PostAsync("/api/v1/namespaces/default/pods", ClusterUnderTest.Json(pod.ToJsonString()), token);
                response.EnsureSuccessStatusCode();
            });
            var rates = new List<double>();
            long bytes = 0;
            for (var i = 0; i < 5; i++)
            {
                var clock = Stopwatch.StartNew();
                bytes = (await client.GetByteArrayAsync("/api/v1/namespaces/default/pods?resourceVersion=0")).LongLength;
                rates.Add(bytes / 1e6 / clock.Elapsed.TotalSeconds);
            }

            Console.WriteLine($"list of 5,000 Pods: {bytes / 1e6:0.0} MB, median {rates.Order().ElementAt(2):0} MB/s ({rates.Min():0}-{rates.Max():0})");
        }
    }
}
