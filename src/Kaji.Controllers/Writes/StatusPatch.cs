using System.Text;
using System.Text.Json.Nodes;
using Kaji.Client;

namespace Kaji.Controllers.Writes;

/// <summary>
/// The merge patch that makes a status what it should be. Fields that have gone are named as null, for a merge patch keeps what it does not name.
/// </summary>
internal static class StatusPatch
{
    /// <returns>Null when there is nothing to write.</returns>
    public static Patch? Of<T>(T? present, T wanted)
        where T : class
    {
        var next = (JsonObject)JsonNode.Parse(ModelJson.Serialize(wanted))!;
        var old = present is null ? [] : (JsonObject)JsonNode.Parse(ModelJson.Serialize(present))!;
        if (present is not null && JsonNode.DeepEquals(old, next))
        {
            return null;
        }

        foreach (var (field, _) in old.Where(f => !next.ContainsKey(f.Key)).ToArray())
        {
            next[field] = null;
        }

        return Patch.Merge(Encoding.UTF8.GetBytes(new JsonObject { ["status"] = next }.ToJsonString()));
    }
}
