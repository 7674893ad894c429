using System.Globalization;
using System.Text.Json.Nodes;
using k8s.Models;
using Kaji.Client;

namespace Kaji.Controllers.Deployments;

/// <summary>Names a Pod template: <c>pod-template-hash</c>, FNV-1a over its JSON, in an alphabet without vowels. And tells whether two templates are the same.</summary>
internal static class TemplateHash
{
    public const string Label = "pod-template-hash";
    private const string Alphabet = "bcdfghjklmnpqrstvwxz2456789";

    public static string Of(V1PodTemplateSpec template, int? collisions)
    {
        var hash = 2166136261u;
        foreach (var b in ModelJson.Serialize(template))
        {
            hash = (hash ^ b) * 16777619;
        }

        foreach (var c in collisions is { } count ? count.ToString(CultureInfo.InvariantCulture) : "")
        {
            hash = (hash ^ c) * 16777619;
        }

        return string.Concat(hash.ToString(CultureInfo.InvariantCulture).Select(c => Alphabet[c % Alphabet.Length]));
    }

    /// <summary>Equal but for the hash label.</summary>
    public static bool Same(V1PodTemplateSpec a, V1PodTemplateSpec b) => JsonNode.DeepEquals(WithoutHash(a), WithoutHash(b));

    private static JsonNode WithoutHash(V1PodTemplateSpec template)
    {
        var node = JsonNode.Parse(ModelJson.Serialize(template))!;
        if (node["metadata"]?["labels"] is JsonObject labels)
        {
            labels.Remove(Label);
        }

        (node["metadata"] as JsonObject)?.Remove("creationTimestamp");
        return node;
    }
}
