using System.Text.Json.Nodes;
using k8s.Models;
using Kaji.Client;

namespace Kaji.Node.Pods;

/// <summary>
/// A strategic merge patch that makes a Pod's status what it is here: conditions that others own stay, what is no longer said is removed, and another Pod of the same
/// name is not touched.
/// </summary>
internal static class StatusPatch
{
    private static readonly string[] Optional = ["reason", "message", "podIP", "podIPs", "initContainerStatuses", "ephemeralContainerStatuses"];
    private static readonly string[] MergedLists = ["podIPs", "hostIPs"];
    private static readonly string[] OptionalOfConditions = ["reason", "message"];

    public static byte[] Of(string uid, V1PodStatus status)
    {
        var node = JsonNode.Parse(ModelJson.Serialize(status))!.AsObject();
        foreach (var field in Optional.Where(f => !node.ContainsKey(f)))
        {
            node[field] = null;
        }

        foreach (var list in MergedLists)
        {
            // Their items are merged by address: say that these are all.
            (node[list] as JsonArray)?.Add((JsonNode)new JsonObject { ["$patch"] = "replace" });
        }

        foreach (var condition in (node["conditions"] as JsonArray ?? []).OfType<JsonObject>())
        {
            foreach (var field in OptionalOfConditions.Where(f => !condition.ContainsKey(f)))
            {
                condition[field] = null;
            }
        }

        if (node["conditions"] is JsonArray conditions && !conditions.OfType<JsonObject>().Any(c => (string?)c["type"] == Resizing.Pending))
        {
            conditions.Add((JsonNode)new JsonObject { ["$patch"] = "delete", ["type"] = Resizing.Pending });
        }

        var patch = new JsonObject { ["metadata"] = new JsonObject { ["uid"] = uid }, ["status"] = node };
        using var stream = new MemoryStream();
        using (var writer = new System.Text.Json.Utf8JsonWriter(stream))
        {
            patch.WriteTo(writer);
        }

        return stream.ToArray();
    }
}
