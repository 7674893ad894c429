using System.Net;
using System.Net.Http.Headers;
using System.Text.Json;
using System.Text.Json.Nodes;
using Kaji.Api.Kinds;
using Kaji.Client;

namespace Kaji.Manifests;

/// <summary>
/// Makes the cluster hold what manifests say, as <c>kubectl apply</c> does: creates what is missing, merges what is there (strategic merge for built-in kinds),
/// and takes out fields that the last apply set and this one does not, by the annotation that kubectl keeps too.
/// </summary>
internal static class ManifestApplier
{
    public const string LastApplied = "kubectl.kubernetes.io/last-applied-configuration";

    public static async Task ApplyAsync(IApiClient client, IReadOnlyList<Manifest> manifests, Action<string> say, CancellationToken cancel)
    {
        var resources = new ResourceLookup(client);
        foreach (var manifest in manifests.OrderBy(m => Rank(m.Kind)))
        {
            var resource = await resources.FindAsync(manifest, cancel);
            var outcome = await ApplyOneAsync(client, resource, manifest, cancel);
            say($"{resource.Singular}/{manifest.Name} {outcome}");
        }
    }

    private static async Task<string> ApplyOneAsync(IApiClient client, ResourceInfo resource, Manifest manifest, CancellationToken cancel)
    {
        var wanted = (JsonObject)manifest.Object.DeepClone();
        var metadata = wanted["metadata"]!.AsObject();
        if (resource.Namespaced)
        {
            metadata["namespace"] ??= "default";
        }

        if (metadata["annotations"] is not JsonObject annotations)
        {
            metadata["annotations"] = annotations = [];
        }

        annotations.Remove(LastApplied);
        var said = wanted.ToJsonString();
        annotations[LastApplied] = said;

        var collection = resource.Collection((string?)metadata["namespace"]);
        var path = $"{collection}/{manifest.Name}";
        using var present = await client.SendAsync(new HttpRequestMessage(HttpMethod.Get, path), cancel);
        if (present.StatusCode == HttpStatusCode.NotFound)
        {
            using var created = await SendAsync(client, HttpMethod.Post, $"{collection}?fieldValidation=Strict", wanted, "application/json", manifest, cancel);
            return "created";
        }

        var live = await ReadAsync(present, manifest, cancel);
        var previous = (string?)live["metadata"]?["annotations"]?[LastApplied];
        if (previous == said)
        {
            // What was said has not changed; the live object may have been changed by others, which apply corrects as well.
            annotations.Remove(LastApplied);
        }

        var builtIn = BuiltInResources.All.Any(r => r.Group == resource.Group && r.Kind == resource.Kind);
        if (previous is not null && JsonNode.Parse(previous) is JsonObject before)
        {
            MarkRemoved(before, wanted);
        }

        using var patched = await SendAsync(
            client, HttpMethod.Patch, $"{path}?fieldValidation=Strict", wanted, builtIn ? "application/strategic-merge-patch+json" : "application/merge-patch+json", manifest, cancel);
        var after = await ReadAsync(patched, manifest, cancel);
        return (string?)after["metadata"]?["resourceVersion"] == (string?)live["metadata"]?["resourceVersion"] ? "unchanged" : "configured";
    }

    /// <summary>Sets to null what <paramref name="before"/> had and <paramref name="now"/> has not: in both kinds of merge patch, null removes.</summary>
    private static void MarkRemoved(JsonObject before, JsonObject now)
    {
        foreach (var (key, old) in before)
        {
            if (!now.ContainsKey(key))
            {
                now[key] = null;
            }
            else if (old is JsonObject oldMap && now[key] is JsonObject newMap)
            {
                MarkRemoved(oldMap, newMap);
            }
            else if (old is JsonArray oldList && now[key] is JsonArray newList)
            {
                MarkRemovedItems(oldList, newList);
            }
        }
    }

    /// <summary>Items of map lists are told apart by name (containers, env, volumes) or port; a strategic merge removes them by a directive.</summary>
    private static void MarkRemovedItems(JsonArray before, JsonArray now)
    {
        foreach (var key in (ReadOnlySpan<string>)["name", "mountPath", "containerPort", "port"])
        {
            if (before.Count == 0 || !before.All(i => i is JsonObject o && o.ContainsKey(key)) || !now.All(i => i is JsonObject o && o.ContainsKey(key)))
            {
                continue;
            }

            var gone = new List<JsonObject>();
            foreach (var item in before)
            {
                var match = now.FirstOrDefault(n => JsonNode.DeepEquals(n![key], item![key]));
                if (match is null)
                {
                    gone.Add(new JsonObject { [key] = item![key]!.DeepClone(), ["$patch"] = "delete" });
                }
                else
                {
                    MarkRemoved(item!.AsObject(), match.AsObject());
                }
            }

            foreach (var item in gone)
            {
                now.Add((JsonNode)item);
            }

            return;
        }
    }

    private static async Task<HttpResponseMessage> SendAsync(
        IApiClient client, HttpMethod method, string path, JsonObject body, string mediaType, Manifest manifest, CancellationToken cancel)
    {
        var request = new HttpRequestMessage(method, path) { Content = new ByteArrayContent(JsonSerializer.SerializeToUtf8Bytes((JsonNode)body, JsonNodeJson.Default.JsonNode)) };
        request.Content.Headers.ContentType = new MediaTypeHeaderValue(mediaType);
        var response = await client.SendAsync(request, cancel);
        if (!response.IsSuccessStatusCode)
        {
            using (response)
            {
                await ReadAsync(response, manifest, cancel);
            }
        }

        return response;
    }

    private static async Task<JsonObject> ReadAsync(HttpResponseMessage response, Manifest manifest, CancellationToken cancel)
    {
        var node = JsonNode.Parse(await response.Content.ReadAsByteArrayAsync(cancel))!.AsObject();
        return response.IsSuccessStatusCode
            ? node
            : throw new UserError($"{manifest.File} line {manifest.Line}: {manifest.Kind} \"{manifest.Name}\": {(string?)node["message"] ?? response.ReasonPhrase}");
    }

    /// <summary>What others need comes first.</summary>
    private static int Rank(string kind) => kind switch
    {
        "Namespace" => 0,
        "CustomResourceDefinition" or "PriorityClass" or "StorageClass" => 1,
        "ServiceAccount" or "ConfigMap" or "Secret" => 2,
        "Role" or "ClusterRole" => 3,
        "RoleBinding" or "ClusterRoleBinding" => 4,
        "Service" => 5,
        _ => 6,
    };
}
