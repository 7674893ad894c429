using System.Diagnostics;
using System.Net;
using System.Net.Http.Headers;
using System.Text;

namespace Kaji.Bench;

/// <summary>
/// Creates of 1 KiB ConfigMaps over TLS, each durable before it is answered, at 1, 16 and 64 connections; list of 5,000 of them.
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
                    var body = new ByteArrayContent(Encoding.UTF8.GetBytes($$$"""{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"{{{name}}}"},"data":{"v":"{{{payload}}}"}}"""));
                    body.Headers.ContentType = new MediaTypeHeaderValue("application/json");
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
            Console.WriteLine($"create ConfigMap 1 KiB, {connections,2} connections: {all.Length / seconds,7:0}/s  p50 {all[all.Length / 2]:0.0} ms  p99 {all[(int)(all.Length * 0.99)]:0.0} ms  server CPU {cpu:0.00} ms/request");
        }

        using (var client = cluster.Connect(1))
        {
            await client.GetByteArrayAsync("/api/v1/namespaces/default/configmaps?limit=5000");
            var clock = Stopwatch.StartNew();
            var bytes = (await client.GetByteArrayAsync("/api/v1/namespaces/default/configmaps?limit=5000")).LongLength;
            Console.WriteLine($"list of 5,000: {bytes / 1e6:0.0} MB in {clock.Elapsed.TotalMilliseconds:0} ms, {bytes / 1e6 / clock.Elapsed.TotalSeconds:0} MB/s");
        }

        Console.WriteLine($"resident with {serial} ConfigMaps: {cluster.Usage().Resident / 1e6:0} MB");
    }
}
