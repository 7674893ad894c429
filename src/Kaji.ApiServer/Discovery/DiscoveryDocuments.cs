using System.Buffers;
using System.Collections.Concurrent;
using System.Security.Cryptography;
using System.Text.Json;
using System.Text.Json.Nodes;
using Kaji.Api.Kinds;
using Kaji.ApiServer.Aggregation;
using Kaji.ApiServer.Authentication;
using Kaji.ApiServer.CustomResources;
using Kaji.ApiServer.Registry;
using Kaji.ApiServer.Responses;
using Microsoft.AspNetCore.Http;

namespace Kaji.ApiServer.Discovery;

/// <summary>
/// Documents about the API itself: discovery (legacy and aggregated), OpenAPI (by <see cref="OpenApiDocuments"/>), the version, and the keys of service account tokens. Each is made once for a state of the catalogue and kept as bytes.
/// </summary>
/// <param name="aggregator">Groups that other servers answer; null for none.</param>
public sealed class DiscoveryDocuments(ServiceAccountTokens tokens, ResourceCatalog catalog, Aggregator? aggregator = null)
{
    private const string AggregatedType = "APIGroupDiscoveryList";
    private readonly OpenApiDocuments _openApi = new(catalog, aggregator);
    private volatile Kept _kept = new(catalog.Current, aggregator?.State);

    /// <summary>Answers when the path is one of its documents.</summary>
    public async Task<bool> TryHandleAsync(HttpContext context)
    {
        if (!HttpMethods.IsGet(context.Request.Method) && !HttpMethods.IsHead(context.Request.Method))
        {
            return false;
        }

        var path = (context.Request.Path.Value ?? "/").TrimEnd('/');
        if (path.Length == 0)
        {
            path = "/";
        }

        if (path.StartsWith("/openapi/", StringComparison.Ordinal))
        {
            return (path is OpenApiDocuments.V2 or OpenApiDocuments.V3 || path.StartsWith(OpenApiDocuments.V3 + "/", StringComparison.Ordinal)) && await _openApi.TryHandleAsync(context, path);
        }

        var now = catalog.Current;
        var kept = _kept;
        if (!ReferenceEquals(kept.Snapshot, now) || !ReferenceEquals(kept.Aggregated, aggregator?.State))
        {
            _kept = kept = new Kept(now, aggregator?.State);
        }

        var type = ResponseWriting.Json;
        Func<JsonNode?>? make = null;
        var key = path;
        if (path is "/api" or "/apis" && Aggregated(context.Request) is { } version)
        {
            key = $"{path}#{version}";
            type = $"application/json;g=apidiscovery.k8s.io;v={version};as={AggregatedType}";
            make = () => AggregatedDiscovery(now, path == "/api", aggregator, version);
        }
        else
        {
            make = path switch
            {
                "/" => () => new JsonObject { ["paths"] = new JsonArray([.. Paths(GroupsOf(now, aggregator)).Select(p => (JsonNode)p)]) },
                "/api" => () => new JsonObject { ["kind"] = "APIVersions", ["versions"] = new JsonArray("v1"), ["serverAddressByClientCIDRs"] = new JsonArray() },
                "/apis" => () => new JsonObject { ["kind"] = "APIGroupList", ["apiVersion"] = "v1", ["groups"] = new JsonArray([.. GroupsOf(now, aggregator).Where(g => g.Group.Length > 0).Select(g => (JsonNode)Group(g))]) },
                "/version" => ServerVersion.Document,
                "/openid/v1/jwks" => tokens.KeySet,
                "/.well-known/openid-configuration" => () => new JsonObject
                {
                    ["issuer"] = ServiceAccountTokens.Issuer, ["jwks_uri"] = $"{ServiceAccountTokens.Issuer}/openid/v1/jwks", ["response_types_supported"] = new JsonArray("id_token"),
                    ["subject_types_supported"] = new JsonArray("public"), ["id_token_signing_alg_values_supported"] = new JsonArray("ES256"),
                },
                _ => Resources(now, GroupsOf(now, aggregator), path),
            };
        }

        if (make is null)
        {
            return false;
        }

        if (path == "/openid/v1/jwks")
        {
            type = "application/jwk-set+json";
        }

        if (!kept.Documents.TryGetValue(key, out var bytes))
        {
            if (make() is not { } document)
            {
                return false;
            }

            bytes = kept.Documents[key] = ObjectCodec.Bytes(document);
        }

        var tag = $"\"{Convert.ToHexStringLower(SHA256.HashData(bytes))[..32]}\"";
        context.Response.Headers.ETag = tag;
        context.Response.Headers.Vary = "Accept";
        if (context.Request.Headers.IfNoneMatch.ToString() == tag)
        {
            context.Response.StatusCode = 304;
            return true;
        }

        await context.WriteBytesAsync(200, bytes, type);
        return true;
    }

    private static string? Aggregated(HttpRequest request)
    {
        foreach (var entry in request.Headers.Accept.ToString().Split(','))
        {
            if (entry.Contains("as=" + AggregatedType, StringComparison.Ordinal) && entry.Contains("g=apidiscovery.k8s.io", StringComparison.Ordinal) && entry.TrimStart().StartsWith("application/json", StringComparison.Ordinal))
            {
                return entry.Contains("v=v2beta1", StringComparison.Ordinal) ? "v2beta1" : "v2";
            }
        }

        return null;
    }

    /// <summary>What this server answers itself, then what others do.</summary>
    private static List<(string Group, IReadOnlyList<string> Versions)> GroupsOf(CatalogSnapshot catalog, Aggregator? aggregator)
    {
        var groups = catalog.Groups.ToList();
        foreach (var (group, versions) in aggregator?.Groups ?? [])
        {
            var at = groups.FindIndex(g => g.Group == group);
            var names = versions.Select(v => v.Version);
            if (at < 0)
            {
                groups.Add((group, [.. names]));
            }
            else
            {
                groups[at] = (group, [.. groups[at].Versions.Union(names, StringComparer.Ordinal)]);
            }
        }

        return groups;
    }

    private static string[] Paths(List<(string Group, IReadOnlyList<string> Versions)> groups) =>
    [
        "/api", "/api/v1", "/apis", .. groups.Where(g => g.Group.Length > 0).SelectMany(g => g.Versions.Select(v => $"/apis/{g.Group}/{v}").Prepend($"/apis/{g.Group}")),
        "/healthz", "/livez", "/metrics", "/openapi/v2", "/openapi/v3", "/readyz", "/version",
    ];

    private static JsonObject Group((string Group, IReadOnlyList<string> Versions) group)
    {
        JsonNode VersionOf(string version) => new JsonObject { ["groupVersion"] = $"{group.Group}/{version}", ["version"] = version };
        return new JsonObject { ["name"] = group.Group, ["versions"] = new JsonArray([.. group.Versions.Select(VersionOf)]), ["preferredVersion"] = VersionOf(group.Versions[0]) };
    }

    private static Func<JsonNode?>? Resources(CatalogSnapshot catalog, List<(string Group, IReadOnlyList<string> Versions)> groups, string path)
    {
        var parts = path.Split('/', StringSplitOptions.RemoveEmptyEntries);
        switch (parts)
        {
            case ["apis", var name] when groups.Any(g => g.Group == name && name.Length > 0):
                return () =>
                {
                    var group = Group(groups.First(g => g.Group == name));
                    (group["kind"], group["apiVersion"]) = ("APIGroup", "v1");
                    return group;
                };
            case ["api", var version]:
                return () => ResourceList(catalog, "", version);
            case ["apis", var group, var version]:
                return () => ResourceList(catalog, group, version);
            default:
                return null;
        }
    }

    private static JsonObject? ResourceList(CatalogSnapshot catalog, string group, string version)
    {
        var all = catalog.Of(group, version);
        if (all.Count == 0)
        {
            return null;
        }

        var list = new JsonArray();
        foreach (var resource in all)
        {
            var entry = new JsonObject { ["name"] = resource.Plural, ["singularName"] = resource.Singular, ["namespaced"] = resource.Namespaced, ["kind"] = resource.Kind, ["verbs"] = Strings(resource.Verbs) };
            if (resource.ShortNames.Count > 0)
            {
                entry["shortNames"] = Strings(resource.ShortNames);
            }

            if (resource.Categories.Count > 0)
            {
                entry["categories"] = Strings(resource.Categories);
            }

            list.Add((JsonNode)entry);
            foreach (var sub in resource.Subresources)
            {
                var below = new JsonObject { ["name"] = $"{resource.Plural}/{sub.Name}", ["singularName"] = "", ["namespaced"] = resource.Namespaced, ["kind"] = sub.Kind, ["verbs"] = Strings(sub.Verbs) };
                if (sub.KindApiVersion?.Split('/') is [var subGroup, var subVersion])
                {
                    (below["group"], below["version"]) = (subGroup, subVersion);
                }

                list.Add((JsonNode)below);
            }
        }

        return new JsonObject { ["kind"] = "APIResourceList", ["apiVersion"] = "v1", ["groupVersion"] = all[0].ApiVersion, ["resources"] = list };
    }

    private static JsonObject AggregatedDiscovery(CatalogSnapshot catalog, bool core, Aggregator? aggregator, string apiVersion)
    {
        var items = new JsonArray();
        foreach (var (group, versions) in GroupsOf(catalog, aggregator).Where(g => g.Group.Length == 0 == core))
        {
            var list = new JsonArray();
            foreach (var version in versions)
            {
                if (aggregator?.Find(group, version) is { } remote)
                {
                    list.Add((JsonNode)RemoteDiscovery.Of(remote, aggregator.ResourcesOf(remote)));
                    continue;
                }

                var resources = catalog.Of(group, version).Select(r =>
                {
                    var entry = new JsonObject
                    {
                        ["resource"] = r.Plural, ["responseKind"] = Kind(group, version, r.Kind), ["scope"] = r.Namespaced ? "Namespaced" : "Cluster", ["singularResource"] = r.Singular, ["verbs"] = Strings(r.Verbs),
                    };
                    if (r.ShortNames.Count > 0)
                    {
                        entry["shortNames"] = Strings(r.ShortNames);
                    }

                    if (r.Categories.Count > 0)
                    {
                        entry["categories"] = Strings(r.Categories);
                    }

                    if (r.Subresources.Count > 0)
                    {
                        entry["subresources"] = new JsonArray([.. r.Subresources.Select(s => (JsonNode)new JsonObject
                        {
                            ["subresource"] = s.Name, ["responseKind"] = s.KindApiVersion?.Split('/') is [var g, var v] ? Kind(g, v, s.Kind) : Kind(group, version, s.Kind), ["verbs"] = Strings(s.Verbs),
                        })]);
                    }

                    return (JsonNode)entry;
                });
                list.Add((JsonNode)new JsonObject { ["version"] = version, ["resources"] = new JsonArray([.. resources]), ["freshness"] = "Current" });
            }

            items.Add((JsonNode)new JsonObject { ["metadata"] = new JsonObject { ["name"] = group, ["creationTimestamp"] = null }, ["versions"] = list });
        }

        return new JsonObject { ["kind"] = AggregatedType, ["apiVersion"] = $"apidiscovery.k8s.io/{apiVersion}", ["metadata"] = new JsonObject(), ["items"] = items };
    }

    private static JsonObject Kind(string group, string version, string kind) => new() { ["group"] = group, ["version"] = version, ["kind"] = kind };

    private static JsonArray Strings(IEnumerable<string> values) => [.. values.Select(v => (JsonNode)v)];

    private sealed record Kept(CatalogSnapshot Snapshot, object? Aggregated)
    {
        public ConcurrentDictionary<string, byte[]> Documents { get; } = new(StringComparer.Ordinal);
    }
}
