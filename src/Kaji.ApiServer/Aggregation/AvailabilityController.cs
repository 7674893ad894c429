using System.Text.Json;
using System.Text.Json.Nodes;
using Kaji.Api;
using Kaji.Api.Kinds;
using Kaji.Api.Metadata;
using Kaji.ApiServer.Authentication;
using Kaji.ApiServer.Registry;
using Kaji.ApiServer.Webhooks;
using Kaji.Store;
using Microsoft.Extensions.Logging;

namespace Kaji.ApiServer.Aggregation;

/// <summary>
/// Says of each APIService whether its backend answers (condition Available, with kube-aggregator's reasons), and learns from the answer what it serves. It looks when an APIService, a Service or its
/// endpoints change, and at remote ones now and then.
/// </summary>
internal sealed partial class AvailabilityController(IRevisionStore store, IObjectRegistry registry, ApiServiceCatalog catalog, ApiServiceForwarder forwarder, TimeProvider time, ILogger log)
{
    private static readonly TimeSpan CheckEvery = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan CheckSoon = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan AnswerWithin = TimeSpan.FromSeconds(5);
    private static readonly ResourceInfo Services = BuiltInResources.Find("", "v1", "services")!;
    private static readonly string[] Watched = [ApiServiceCatalog.Collection, "/registry/core/services/", "/registry/discovery.k8s.io/endpointslices/"];

    public async Task RunAsync(CancellationToken cancellationToken)
    {
        while (!cancellationToken.IsCancellationRequested)
        {
            var marks = Marks();
            var all = catalog.Current.All;
            var states = await Task.WhenAll(all.Select(s => CheckAsync(s, cancellationToken)));
            await WaitAsync(marks, states.All(s => s) ? CheckEvery : CheckSoon, all.Any(s => !s.IsLocal), cancellationToken);
        }
    }

    private long[] Marks() => [.. Watched.Select(store.LastChange)];

    /// <summary>Until something it looks at has changed, or remote ones are due.</summary>
    private async Task WaitAsync(long[] marks, TimeSpan due, bool remote, CancellationToken cancellationToken)
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        if (remote)
        {
            limit.CancelAfter(due);
        }

        using var watch = store.Watch(remote ? "/registry/" : ApiServiceCatalog.Collection, store.Revision);
        var events = new List<StoreEvent>();
        try
        {
            while (Marks().AsSpan(0, remote ? marks.Length : 1).SequenceEqual(marks.AsSpan(0, remote ? marks.Length : 1)) && await watch.ReadAsync(events, limit.Token))
            {
                events.Clear();
            }
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            // Remote ones are due.
        }
    }

    /// <returns>Whether it is available.</returns>
    private async Task<bool> CheckAsync(ApiService service, CancellationToken cancellationToken)
    {
        var (available, reason, message) = await StateAsync(service, cancellationToken);
        try
        {
            await registry.UpdateAsync(ApiService.Resource, "", service.Name, "status", obj => Say(obj, available, reason, message), UserInfo.ApiServer, cancellationToken);
        }
        catch (Exception e) when (e is ApiErrorException or StoreException)
        {
            NotSaid(service.Name, e.Message);
        }

        return available;
    }

    private bool Say(JsonObject obj, bool available, string reason, string message)
    {
        var status = available ? "True" : "False";
        var conditions = obj.Ensure("status")["conditions"] as JsonArray ?? [];
        var known = conditions.OfType<JsonObject>().FirstOrDefault(c => c.Str("type") == "Available");
        if (known.Str("status") == status && known.Str("reason") == reason && known.Str("message") == message)
        {
            return false;
        }

        var since = known.Str("status") == status ? known.Str("lastTransitionTime") : Timestamps.Format(time.GetUtcNow());
        var made = new JsonObject { ["type"] = "Available", ["status"] = status, ["lastTransitionTime"] = since, ["reason"] = reason, ["message"] = message };
        obj["status"]!["conditions"] = new JsonArray([.. conditions.OfType<JsonObject>().Where(c => c.Str("type") != "Available").Select(c => c.DeepClone()), made]);
        return true;
    }

    private async Task<(bool Available, string Reason, string Message)> StateAsync(ApiService service, CancellationToken cancellationToken)
    {
        if (service.IsLocal)
        {
            return (true, "Local", "Local APIServices are always available");
        }

        if (registry.Get(Services, service.Namespace, service.Service) is not { } found)
        {
            return (false, "ServiceNotFound", $"service/{service.Service} in \"{service.Namespace}\" is not present");
        }

        if (found.Obj("spec").Str("type") != "ExternalName" && found.Obj("spec").Items("ports").All(p => p.Int("port") != service.Port))
        {
            return (false, "ServicePortError", $"service/{service.Service} in \"{service.Namespace}\" is not listening on port {service.Port}");
        }

        try
        {
            ServiceTarget.Find(registry, service.Namespace, service.Service, service.Port);
        }
        catch (WebhookException)
        {
            return (false, "MissingEndpoints", $"endpoints for service/{service.Service} in \"{service.Namespace}\" have no addresses with port name \"{PortName(found, service.Port)}\"");
        }

        var path = $"/apis/{service.Group}/{service.Version}";
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        limit.CancelAfter(AnswerWithin);
        try
        {
            using var response = await forwarder.GetAsync(service, path, limit.Token);
            var text = await response.Content.ReadAsStringAsync(limit.Token);
            if (!response.IsSuccessStatusCode)
            {
                return (false, "FailedDiscoveryCheck", $"failing or missing response from https://{service.Host}:{service.Port}{path}: bad status from https://{service.Host}:{service.Port}{path}: {(int)response.StatusCode}");
            }

            if (JsonNode.Parse(text) is JsonObject resources && resources.Str("kind") == "APIResourceList")
            {
                catalog.Learn(service, resources);
            }

            return (true, "Passed", "all checks passed");
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            return (false, "FailedDiscoveryCheck", $"failing or missing response from https://{service.Host}:{service.Port}{path}: no answer within {AnswerWithin.TotalSeconds:0} s");
        }
        catch (Exception e) when (e is HttpRequestException or WebhookException or IOException or JsonException)
        {
            return (false, "FailedDiscoveryCheck", $"failing or missing response from https://{service.Host}:{service.Port}{path}: {WebhookClient.Words(e)}");
        }
    }

    private static string PortName(JsonObject service, long port) => service.Obj("spec").Items("ports").FirstOrDefault(p => p.Int("port") == port).Str("name");

    [LoggerMessage(1, LogLevel.Debug, "the state of APIService {name} was not written: {why}")]
    private partial void NotSaid(string name, string why);
}
