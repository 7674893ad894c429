using System.Text.Json.Nodes;
using k8s.Models;
using Kaji.Client;
using Kaji.Controllers.GarbageCollection;
using Microsoft.Extensions.Logging;

namespace Kaji.Controllers.Namespaces;

/// <summary>Empties namespaces that are being deleted, then lets them go by removing the finalizer <c>kubernetes</c> from their spec.</summary>
public sealed class NamespaceController : Controller
{
    private static readonly TimeSpan LookAgain = TimeSpan.FromMilliseconds(250);
    private readonly IApiClient _client;
    private readonly IInformer<V1Namespace> _namespaces;

    public NamespaceController(IApiClient client, InformerFactory informers, TimeProvider time, ILoggerFactory logging)
        : base("namespace-controller", time, logging.CreateLogger<NamespaceController>())
    {
        _client = client;
        _namespaces = informers.For(Kinds.Namespace);
        _namespaces.Subscribe(change =>
        {
            if (change.New?.Metadata.DeletionTimestamp is not null)
            {
                Enqueue("", change.New.Metadata.Name);
            }
        });
    }

    protected override async Task ReconcileAsync(string ns, string objectName, CancellationToken cancellationToken)
    {
        if (_namespaces.Get(null, objectName) is not { } owner || owner.Metadata.DeletionTimestamp is null || owner.Spec?.Finalizers?.Contains("kubernetes") != true)
        {
            return;
        }

        var left = 0;
        var resources = (await DiscoveredResource.AllAsync(_client, cancellationToken)).Where(r => r.Namespaced && r.Verbs.Contains("deletecollection", StringComparer.Ordinal) && r.Verbs.Contains("list", StringComparer.Ordinal));
        foreach (var resource in resources)
        {
            var present = await CountAsync(resource, objectName, cancellationToken);
            if (present == 0)
            {
                continue;
            }

            await JsonCalls.SendAsync(_client, HttpMethod.Delete, resource.Collection(objectName), "application/json", new JsonObject { ["kind"] = "DeleteOptions", ["apiVersion"] = "v1", ["propagationPolicy"] = "Background" }, cancellationToken);
            left += await CountAsync(resource, objectName, cancellationToken);
        }

        if (left > 0)
        {
            // Pods take their grace, finalizers their time.
            EnqueueAfter("", objectName, LookAgain);
            return;
        }

        var now = await JsonCalls.GetAsync(_client, $"/api/v1/namespaces/{objectName}", null, cancellationToken);
        if (now is not null)
        {
            now["spec"] = new JsonObject { ["finalizers"] = new JsonArray([.. owner.Spec.Finalizers.Where(f => f != "kubernetes").Select(f => (JsonNode)f)]) };
            await JsonCalls.SendAsync(_client, HttpMethod.Put, $"/api/v1/namespaces/{objectName}/finalize", "application/json", now, cancellationToken);
        }
    }

    private async Task<int> CountAsync(DiscoveredResource resource, string ns, CancellationToken cancellationToken) =>
        ((await JsonCalls.GetAsync(_client, resource.Collection(ns), JsonCalls.MetadataList, cancellationToken))?["items"] as JsonArray)?.Count ?? 0;
}
