using System.Collections.Concurrent;
using System.Net;
using System.Net.Http.Headers;
using System.Text;

namespace Kaji.Bench;

/// <summary>Twenty rounds: sixteen clients create ConfigMaps, the server is killed with SIGKILL under them, started again; each create that was answered 201 must be there.</summary>
internal static class CrashBench
{
    private const int Rounds = 20;
    private const int Clients = 16;

    public static async Task RunAsync()
    {
        await using var cluster = await ClusterUnderTest.StartAsync();
        var acknowledged = new ConcurrentQueue<string>();
        var lost = 0;
        for (var round = 0; round < Rounds; round++)
        {
            using var client = cluster.Connect(Clients);
            client.Timeout = TimeSpan.FromSeconds(5);
            var pid = cluster.ServerPid;
            var dead = false;
            var writers = Enumerable.Range(0, Clients).Select(w => Task.Run(async () =>
            {
                for (var i = 0; !Volatile.Read(ref dead); i++)
                {
                    var name = $"r{round}-w{w}-{i}";
                    using var body = new ByteArrayContent(Encoding.UTF8.GetBytes($$$"""{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"{{{name}}}"},"data":{"k":"v"}}"""));
                    body.Headers.ContentType = new MediaTypeHeaderValue("application/json");
                    try
                    {
                        using var response = await client.PostAsync("/api/v1/namespaces/default/configmaps", body);
                        if (response.StatusCode == HttpStatusCode.Created)
                        {
                            acknowledged.Enqueue(name);
                        }
                    }
                    catch (Exception e) when (e is HttpRequestException or TaskCanceledException or IOException)
                    {
                        // The server is dead: this write was not acknowledged.
                        return;
                    }
                }
            })).ToArray();
            using (var under = new PeriodicTimer(TimeSpan.FromMilliseconds(300 + Random.Shared.Next(400))))
            {
                await under.WaitForNextTickAsync();
            }

            await ClusterUnderTest.RunAsync("kill", "-9", $"{pid}");
            Volatile.Write(ref dead, true);
            await Task.WhenAll(writers);
            await cluster.UpAsync();
        }

        using var reader = cluster.Connect(1);
        var present = System.Text.Json.Nodes.JsonNode.Parse(await reader.GetByteArrayAsync("/api/v1/namespaces/default/configmaps"))!["items"]!.AsArray().Select(i => (string)i!["metadata"]!["name"]!).ToHashSet(StringComparer.Ordinal);
        lost = acknowledged.Count(name => !present.Contains(name));
        Console.WriteLine($"kill -9 under load, {Rounds} rounds: {acknowledged.Count} creates acknowledged, {lost} lost");
        if (lost > 0)
        {
            throw new InvalidOperationException($"{lost} acknowledged writes were lost");
        }
    }
}
