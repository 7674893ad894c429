using System.Text.Json.Nodes;
using Kaji.Client;

namespace Kaji.Controllers.Discovery;

/// <summary>
/// What the server serves, each resource once, in its group's preferred version (aggregated discovery: two requests).
/// https://kubernetes.io/docs/concepts/overview/kubernetes-api/#aggregated-discovery
/// </summary>
internal static class ResourceDiscovery
{
    private const string Accept = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList";

    public static async Task<IReadOnlyList<ApiResource>> AllAsync(IApiClient client, CancellationToken cancellationToken)
    {
        var found = new List<ApiResource>();
        foreach (var path in (string[])["/api", "/apis"])
        {
            Read(await RawCalls.GetAsync(client, path, Accept, cancellationToken) ?? throw new InvalidDataException($"{path} is not served."), found);
        }

        return found;
    }

    /// <summary>Reads an APIGroupDiscoveryList: <c>{"items":[{"metadata":{"name":"apps"},"versions":[{"version":"v1","resources":[{"resource":"deployments",…}]}]}]}</c>.</summary>
    internal static void Read(byte[] answer, List<ApiResource> into)
    {
        foreach (var group in Items(JsonNode.Parse(answer), "items"))
        {
            var name = Text(group["metadata"]?["name"]);
            var seen = new HashSet<string>(StringComparer.Ordinal);

            // Versions come in the order of preference: the first that has a resource is the one.
            foreach (var version in Items(group, "versions"))
            {
                foreach (var resource in Items(version, "resources").Where(r => seen.Add(Text(r["resource"]))))
                {
                    into.Add(new ApiResource(
                        name, Text(version["version"]), Text(resource["resource"]), Text(resource["responseKind"]?["kind"]), Text(resource["scope"]) == "Namespaced",
                        [.. resource["verbs"] is JsonArray verbs ? verbs.Select(Text) : []]));
                }
            }
        }
    }

    private static IEnumerable<JsonNode> Items(JsonNode? node, string property) => node?[property] is JsonArray items ? items.OfType<JsonObject>() : [];

    private static string Text(JsonNode? node) => node is null ? "" : (string?)node ?? "";
}
