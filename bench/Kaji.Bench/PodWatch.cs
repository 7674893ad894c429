using System.Text.Json.Nodes;

namespace Kaji.Bench;

/// <summary>Follows the Pods of a namespace by one watch and lets the caller wait for a state.</summary>
internal sealed class PodWatch : IDisposable
{
    private readonly Dictionary<string, JsonNode> _pods = new(StringComparer.Ordinal);
    private readonly CancellationTokenSource _stop = new();
    private TaskCompletionSource _changed = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public static async Task<PodWatch> StartAsync(HttpClient client, string ns)
    {
        var watch = new PodWatch();
        var response = await client.GetAsync($"/api/v1/namespaces/{ns}/pods?watch=1", HttpCompletionOption.ResponseHeadersRead);
        response.EnsureSuccessStatusCode();
        _ = watch.FollowAsync(response);
        return watch;
    }

    public JsonNode Get(string name)
    {
        lock (_pods)
        {
            return _pods[name];
        }
    }

    public Task WaitAsync(string name, Func<JsonNode, bool> holds) => WaitForAsync(() => _pods.TryGetValue(name, out var pod) && holds(pod));

    public Task WaitForCountAsync(int count, Func<JsonNode, bool> holds) => WaitForAsync(() => _pods.Values.Count(holds) >= count);

    public void Dispose() => _stop.Cancel();

    private async Task WaitForAsync(Func<bool> holds)
    {
        while (true)
        {
            Task changed;
            lock (_pods)
            {
                if (holds())
                {
                    return;
                }

                changed = _changed.Task;
            }

            await changed.WaitAsync(TimeSpan.FromSeconds(120));
        }
    }

    private async Task FollowAsync(HttpResponseMessage response)
    {
        using (response)
        {
            using var reader = new StreamReader(await response.Content.ReadAsStreamAsync(_stop.Token));
            while (await reader.ReadLineAsync(_stop.Token) is { } line)
            {
                var change = JsonNode.Parse(line)!;
                var pod = change["object"]!;
                lock (_pods)
                {
                    _pods[(string)pod["metadata"]!["name"]!] = pod;
                    _changed.TrySetResult();
                    _changed = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
                }
            }
        }
    }
}
