using System.Text.Json;
using System.Text.Json.Serialization;
using k8s;
using k8s.Autorest;
using k8s.LeaderElection;
using k8s.LeaderElection.ResourceLock;
using k8s.Models;

namespace Kaji.Clients;

/// <summary>What the operator keeps: for each Greeting a ConfigMap with its sentence, taken away by a finalizer, told in the status.</summary>
public sealed class Greeting : IKubernetesObject<V1ObjectMeta>
{
    public const string Group = "demo.kaji.dev";
    public const string Plural = "greetings";
    public const string Finalizer = Group + "/cleanup";

    [JsonPropertyName("apiVersion")]
    public string ApiVersion { get; set; } = Group + "/v1";

    [JsonPropertyName("kind")]
    public string Kind { get; set; } = "Greeting";

    [JsonPropertyName("metadata")]
    public V1ObjectMeta Metadata { get; set; } = new();

    [JsonPropertyName("spec")]
    public GreetingSpec Spec { get; set; } = new();

    [JsonPropertyName("status")]
    public GreetingStatus? Status { get; set; }
}

public sealed class GreetingSpec
{
    [JsonPropertyName("name")]
    public string Name { get; set; } = "";
}

public sealed class GreetingStatus
{
    [JsonPropertyName("phase")]
    public string Phase { get; set; } = "";

    [JsonPropertyName("by")]
    public string By { get; set; } = "";

    [JsonPropertyName("observedGeneration")]
    public long ObservedGeneration { get; set; }
}

/// <summary>A small operator as people write them on KubernetesClient: leader election by Lease, a watch that starts over when it ends, a finalizer, the status subresource.</summary>
public sealed class GreetingOperator(string kubeconfig, string identity, string ns) : IAsyncDisposable
{
    private readonly Kubernetes _client = new(KubernetesClientConfiguration.BuildConfigFromConfigFile(kubeconfig));
    private readonly CancellationTokenSource _stop = new();
    private Task _running = Task.CompletedTask;

    public bool Leads { get; private set; }

    public void Start()
    {
        var elector = new LeaderElector(new LeaderElectionConfig(new LeaseLock(_client, ns, "greeting-operator", identity))
        {
            LeaseDuration = TimeSpan.FromSeconds(3), RenewDeadline = TimeSpan.FromSeconds(2), RetryPeriod = TimeSpan.FromMilliseconds(300),
        });
        elector.OnStartedLeading += () => Leads = true;
        elector.OnStoppedLeading += () => Leads = false;
        _running = Task.WhenAll(ElectAsync(elector), WorkAsync());
    }

    /// <summary>It stops at once and does not give its Lease back, as after a crash.</summary>
    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await _running;
        _client.Dispose();
        _stop.Dispose();
    }

    private async Task ElectAsync(LeaderElector elector)
    {
        try
        {
            await elector.RunUntilLeadershipLostAsync(_stop.Token);
        }
        catch (OperationCanceledException)
        {
            Leads = false;
        }
    }

    private async Task WorkAsync()
    {
        using var timer = new PeriodicTimer(TimeSpan.FromMilliseconds(100));
        while (!_stop.IsCancellationRequested)
        {
            try
            {
                await timer.WaitForNextTickAsync(_stop.Token);
                if (!Leads)
                {
                    continue;
                }

                var response = _client.CustomObjects.WatchListNamespacedCustomObjectAsync(Greeting.Group, "v1", ns, Greeting.Plural, cancellationToken: _stop.Token);
                await foreach (var (type, found) in response)
                {
                    if (!Leads)
                    {
                        break;
                    }

                    if (type is WatchEventType.Added or WatchEventType.Modified)
                    {
                        await ReconcileAsync(KubernetesJson.Deserialize<Greeting>(JsonSerializer.Serialize(found)));
                    }
                }
            }
            catch (Exception e) when (e is OperationCanceledException or HttpRequestException or IOException or HttpOperationException)
            {
                // A conflict, or the server is away: the next round reads everything again.
            }
        }
    }

    private async Task ReconcileAsync(Greeting greeting)
    {
        var name = greeting.Metadata.Name;
        var finalizers = greeting.Metadata.Finalizers ?? [];
        if (greeting.Metadata.DeletionTimestamp is not null)
        {
            if (finalizers.Contains(Greeting.Finalizer))
            {
                await _client.CoreV1.DeleteNamespacedConfigMapAsync($"greeting-{name}", ns, cancellationToken: _stop.Token);
                await PatchAsync(name, new { metadata = new { finalizers = finalizers.Where(f => f != Greeting.Finalizer).ToArray(), resourceVersion = greeting.Metadata.ResourceVersion } });
            }

            return;
        }

        if (!finalizers.Contains(Greeting.Finalizer))
        {
            await PatchAsync(name, new { metadata = new { finalizers = finalizers.Append(Greeting.Finalizer).ToArray(), resourceVersion = greeting.Metadata.ResourceVersion } });
            return;
        }

        if (greeting.Status?.ObservedGeneration == greeting.Metadata.Generation)
        {
            return;
        }

        var map = new V1ConfigMap
        {
            ApiVersion = "v1", Kind = "ConfigMap",
            Metadata = new V1ObjectMeta { Name = $"greeting-{name}", OwnerReferences = [new V1OwnerReference { ApiVersion = greeting.ApiVersion, Kind = greeting.Kind, Name = name, Uid = greeting.Metadata.Uid }] },
            Data = new Dictionary<string, string>(StringComparer.Ordinal) { ["text"] = $"Hello, {greeting.Spec.Name}!" },
        };
        await _client.CoreV1.PatchNamespacedConfigMapAsync(new V1Patch(KubernetesJson.Serialize(map), V1Patch.PatchType.ApplyPatch), $"greeting-{name}", ns, fieldManager: "greeting-operator", force: true, cancellationToken: _stop.Token);
        var status = new { status = new GreetingStatus { Phase = "Ready", By = identity, ObservedGeneration = greeting.Metadata.Generation ?? 0 } };
        await _client.CustomObjects.PatchNamespacedCustomObjectStatusAsync(Merge(status), Greeting.Group, "v1", ns, Greeting.Plural, name, cancellationToken: _stop.Token);
    }

    private Task PatchAsync(string name, object patch) =>
        _client.CustomObjects.PatchNamespacedCustomObjectAsync(Merge(patch), Greeting.Group, "v1", ns, Greeting.Plural, name, cancellationToken: _stop.Token);

    private static V1Patch Merge(object patch) => new(JsonSerializer.Serialize(patch), V1Patch.PatchType.MergePatch);
}
