using System.Text.Json.Nodes;
using Kaji.Api.Kinds;
using Kaji.Client;

namespace Kaji.Manifests;

/// <summary>Finds the resource of a manifest's kind: among the built-in ones, else by the server's discovery.</summary>
internal sealed class ResourceLookup(IApiClient client)
{
    private readonly Dictionary<(string ApiVersion, string Kind), ResourceInfo> _known = [];

    public async Task<ResourceInfo> FindAsync(Manifest manifest, CancellationToken cancel)
    {
        if (BuiltInResources.All.FirstOrDefault(r => r.ApiVersion == manifest.ApiVersion && r.Kind == manifest.Kind) is { } builtIn)
        {
            return builtIn;
        }

        if (_known.TryGetValue((manifest.ApiVersion, manifest.Kind), out var known))
        {
            return known;
        }

        var parts = manifest.ApiVersion.Split('/');
        using var response = await client.SendAsync(new HttpRequestMessage(HttpMethod.Get, parts.Length == 1 ? $"/api/{parts[0]}" : $"/apis/{manifest.ApiVersion}"), cancel);
        if (response.IsSuccessStatusCode && JsonNode.Parse(await response.Content.ReadAsByteArrayAsync(cancel))?["resources"] is JsonArray resources)
        {
            foreach (var r in resources.OfType<JsonObject>().Where(r => !((string)r["name"]!).Contains('/')))
            {
                var found = new ResourceInfo(
                    parts.Length == 1 ? "" : parts[0], parts[^1], (string)r["name"]!, (string)r["kind"]!, (string?)r["singularName"] ?? "", (bool?)r["namespaced"] ?? false);
                _known[(manifest.ApiVersion, found.Kind)] = found;
            }
        }

        return _known.TryGetValue((manifest.ApiVersion, manifest.Kind), out known)
            ? known
            : throw new UserError(
                $"{manifest.File} line {manifest.Line}: no matches for kind \"{manifest.Kind}\" in version \"{manifest.ApiVersion}\": the cluster does not serve it; ensure CRDs are installed first.");
    }
}

/// <summary>URL of a resource's collection.</summary>
internal static class ResourcePaths
{
    public static string Collection(this ResourceInfo resource, string? ns) =>
        (resource.Group.Length == 0 ? $"/api/{resource.Version}" : $"/apis/{resource.Group}/{resource.Version}")
        + (resource.Namespaced ? $"/namespaces/{ns ?? "default"}" : "") + $"/{resource.Plural}";
}
