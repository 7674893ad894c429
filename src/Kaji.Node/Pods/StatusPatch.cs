using System.Text.Json.Nodes;
using k8s.Models;
using Kaji.Client;

namespace Kaji.Node.Pods;

/// <summary>A merge patch that makes a Pod's status what it is here: lists are replaced, what is no longer said is removed, and another Pod of the same name is not touched.</summary>
internal static class StatusPatch
{
    private static readonly string[] Optional = ["reason", "message", "podIP", "podIPs", "initContainerStatuses"];

    public static byte[] Of(string uid, V1PodStatus status)
    {
        var node = JsonNode.Parse(ModelJson.Serialize(status))!.AsObject();
        foreach (var field in Optional.Where(f => !node.ContainsKey(f)))
        {
            node[field] = null;
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
