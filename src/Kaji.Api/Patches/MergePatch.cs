using System.Text.Json.Nodes;

namespace Kaji.Api.Patches;

/// <summary>JSON merge patch, RFC 7386.</summary>
public static class MergePatch
{
    /// <summary>The patched value; <paramref name="target"/> may be changed.</summary>
    public static JsonNode? Apply(JsonNode? target, JsonNode? patch)
    {
        if (patch is not JsonObject changes)
        {
            return patch?.DeepClone();
        }

        var result = target as JsonObject ?? [];
        foreach (var (key, change) in changes)
        {
            if (change is null)
            {
                result.Remove(key);
                continue;
            }

            var present = result[key];
            var next = Apply(present, change);
            if (!ReferenceEquals(present, next) || present is null)
            {
                result[key] = next;
            }
        }

        return result;
    }
}
