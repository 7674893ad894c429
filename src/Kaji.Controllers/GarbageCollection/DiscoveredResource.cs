using System.Text.Json.Nodes;
using Kaji.Client;

namespace Kaji.Controllers.GarbageCollection;

/// <summary>A resource that the server says it has.</summary>
public sealed record DiscoveredResource(string ApiVersion, string Kind, string Plural, bool Namespaced, IReadOnlyList<string> Verbs)
{
    private string Root => ApiVersion.Contains('/', StringComparison.Ordinal) ? $"/apis/{ApiVersion}" : $"/api/{ApiVersion}";

    public string Collection(string? ns = null) => Namespaced && !string.IsNullOrEmpty(ns) ? $"{Root}/namespaces/{ns}/{Plural}" : $"{Root}/{Plural}";

    public string Object(string? ns, string name) => $"{Collection(ns)}/{name}";

    /// <summary>All resources of the server's preferred versions, by its own discovery.</summary>
    public static async Task<IReadOnlyList<DiscoveredResource>> AllAsync(IApiClient client, CancellationToken cancellationToken)
    {
        var versions = new List<string> { "v1" };
        var groups = await JsonCalls.GetAsync(client, "/apis", null, cancellationToken);
        versions.AddRange((groups?["groups"] as JsonArray ?? []).Select(g => (string)g!["preferredVersion"]!["groupVersion"]!));
        var all = new List<DiscoveredResource>();
        foreach (var version in versions)
        {
            var list = await JsonCalls.GetAsync(client, version.Contains('/', StringComparison.Ordinal) ? $"/apis/{version}" : $"/api/{version}", null, cancellationToken);
            foreach (var resource in list?["resources"] as JsonArray ?? [])
            {
                var name = (string)resource!["name"]!;
                if (!name.Contains('/', StringComparison.Ordinal))
                {
                    all.Add(new DiscoveredResource(version, (string)resource["kind"]!, name, (bool)resource["namespaced"]!, [.. ((JsonArray)resource["verbs"]!).Select(v => (string)v!)]));
                }
            }
        }

        return all;
    }
}
