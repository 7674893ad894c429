using System.Text.Json.Nodes;
using Kaji.Api.Kinds;
using Kaji.ApiServer.Aggregation;

namespace Kaji.ApiServer.Discovery;

/// <summary>A version that another server answers, in aggregated discovery: what it said of its resources, in the newer form.</summary>
internal static class RemoteDiscovery
{
    /// <param name="said">Its APIResourceList; null when it never answered.</param>
    public static JsonObject Of(ApiService service, JsonObject? said)
    {
        var resources = new Dictionary<string, JsonObject>(StringComparer.Ordinal);
        foreach (var entry in said.Items("resources"))
        {
            var kind = new JsonObject
            {
                ["group"] = entry.Str("group") is { Length: > 0 } group ? group : service.Group, ["version"] = entry.Str("version") is { Length: > 0 } version ? version : service.Version, ["kind"] = entry.Str("kind"),
            };
            switch (entry.Str("name").Split('/', 2))
            {
                case [var plural]:
                    var resource = new JsonObject
                    {
                        ["resource"] = plural, ["responseKind"] = kind, ["scope"] = entry.Bool("namespaced") == true ? "Namespaced" : "Cluster", ["singularResource"] = entry.Str("singularName"), ["verbs"] = entry["verbs"]?.DeepClone(),
                    };
                    foreach (var more in (ReadOnlySpan<string>)["shortNames", "categories"])
                    {
                        if (entry[more] is { } value)
                        {
                            resource[more] = value.DeepClone();
                        }
                    }

                    resources[plural] = resource;
                    break;
                case [var parent, var sub] when resources.TryGetValue(parent, out var owner):
                    var below = owner["subresources"] as JsonArray ?? [];
                    owner["subresources"] = below;
                    below.Add((JsonNode)new JsonObject { ["subresource"] = sub, ["responseKind"] = kind, ["verbs"] = entry["verbs"]?.DeepClone() });
                    break;
            }
        }

        return new JsonObject { ["version"] = service.Version, ["resources"] = new JsonArray([.. resources.Values]), ["freshness"] = service.IsAvailable ? "Current" : "Stale" };
    }
}
