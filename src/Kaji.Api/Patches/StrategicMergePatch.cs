using System.Text.Json.Nodes;
using Kaji.Api.Errors;
using Kaji.Api.Schemas;

namespace Kaji.Api.Patches;

/// <summary>
/// Kubernetes' strategic merge patch: a merge patch in which lists of a type with a merge key are merged item by item.
/// https://github.com/kubernetes/community/blob/master/contributors/devel/sig-api-machinery/strategic-merge-patch.md
/// </summary>
/// <example>
/// <code>
/// original  containers: [{name: a, image: 1}, {name: b, image: 1}]
/// patch     containers: [{name: b, image: 2}, {name: a, $patch: delete}]
/// result    containers: [{name: b, image: 2}]
/// </code>
/// Directives: $patch (delete, replace, merge), $retainKeys, $deleteFromPrimitiveList/FIELD, $setElementOrder/FIELD.
/// </example>
public static class StrategicMergePatch
{
    private const string Directive = "$patch";
    private const string RetainKeys = "$retainKeys";
    private const string DeletePrimitives = "$deleteFromPrimitiveList/";
    private const string Order = "$setElementOrder/";

    /// <summary>Patches <paramref name="original"/> in place and returns it.</summary>
    /// <param name="definition">Full name of the object's definition; without one, lists are replaced.</param>
    /// <exception cref="ApiErrorException">A directive that makes no sense, an item without its merge key.</exception>
    public static JsonObject Apply(JsonObject original, JsonObject patch, string? definition) =>
        Merge(original, patch, definition is null ? null : BuiltInSchemas.Find(definition));

    private static JsonObject Merge(JsonObject original, JsonObject patch, Definition? definition)
    {
        switch ((string?)patch[Directive])
        {
            case "replace":
                var replaced = (JsonObject)patch.DeepClone();
                replaced.Remove(Directive);
                return replaced;
            case "delete":
                return [];
            case null or "merge":
                break;
            case var unknown:
                throw new ApiErrorException(ApiErrors.BadRequest($"Wrong value in $patch: {unknown}"));
        }

        if (patch[RetainKeys] is JsonArray retained)
        {
            var keep = retained.Select(k => (string?)k).ToHashSet(StringComparer.Ordinal);
            foreach (var key in original.Select(p => p.Key).Where(k => !keep.Contains(k)).ToArray())
            {
                original.Remove(key);
            }
        }

        foreach (var (key, change) in patch)
        {
            if (key.StartsWith(DeletePrimitives, StringComparison.Ordinal))
            {
                if (original[key[DeletePrimitives.Length..]] is JsonArray list && change is JsonArray gone)
                {
                    foreach (var item in list.Where(i => gone.Any(g => JsonNode.DeepEquals(g, i))).ToArray())
                    {
                        list.Remove(item);
                    }
                }

                continue;
            }

            if (key is Directive or RetainKeys || key.StartsWith(Order, StringComparison.Ordinal))
            {
                continue;
            }

            if (change is null)
            {
                original.Remove(key);
                continue;
            }

            var field = definition?.Field(key);
            var present = original[key];
            switch (change)
            {
                case JsonObject changes when field?.PatchStrategy == "replace":
                    original[key] = changes.DeepClone();
                    break;
                case JsonObject changes:
                    var next = field is { Shape: FieldShape.Map } ? MergeMap(present as JsonObject ?? [], changes) : Merge(present as JsonObject ?? [], changes, Of(definition, field));
                    if (!ReferenceEquals(next, present))
                    {
                        original[key] = next;
                    }

                    break;
                case JsonArray changes when field?.PatchStrategy?.Contains("merge", StringComparison.Ordinal) == true:
                    var merged = MergeList(present as JsonArray, changes, field, Of(definition, field));
                    original[key] = Sorted(merged, patch[Order + key] as JsonArray, field.PatchMergeKey);
                    break;
                default:
                    original[key] = change.DeepClone();
                    break;
            }
        }

        return original;
    }

    /// <summary>A map's values are scalars or objects; nulls remove.</summary>
    private static JsonObject MergeMap(JsonObject original, JsonObject patch)
    {
        if ((string?)patch[Directive] == "replace")
        {
            original.Clear();
        }

        foreach (var (key, value) in patch)
        {
            if (key == Directive)
            {
                continue;
            }

            if (value is null)
            {
                original.Remove(key);
            }
            else
            {
                original[key] = value.DeepClone();
            }
        }

        return original;
    }

    private static JsonArray MergeList(JsonArray? original, JsonArray patch, FieldSchema field, Definition? item)
    {
        if (patch.OfType<JsonObject>().FirstOrDefault(p => (string?)p[Directive] == "replace") is not null)
        {
            return [.. patch.Where(p => (p as JsonObject)?[Directive] is null).Select(p => p?.DeepClone())];
        }

        var result = new JsonArray([.. (original ?? []).Select(o => o?.DeepClone())]);
        if (field.PatchMergeKey is not { } mergeKey)
        {
            foreach (var value in patch.Where(v => !result.Any(r => JsonNode.DeepEquals(r, v))))
            {
                result.Add(value?.DeepClone());
            }

            return result;
        }

        foreach (var node in patch)
        {
            if (node is not JsonObject change)
            {
                throw new ApiErrorException(ApiErrors.BadRequest($"expected maps in the list {field.Name}"));
            }

            var directive = (string?)change[Directive];
            if (change[mergeKey] is not { } key)
            {
                throw directive is not null && change.Count == 1
                    ? new ApiErrorException(ApiErrors.BadRequest($"delete patch type with no merge key defined in {field.Name}"))
                    : new ApiErrorException(ApiErrors.BadRequest($"map: {change.ToJsonString()} does not contain declared merge key: {mergeKey}"));
            }

            var matches = result.OfType<JsonObject>().Where(r => JsonNode.DeepEquals(r[mergeKey], key)).ToArray();
            if (directive == "delete")
            {
                foreach (var match in matches)
                {
                    result.Remove(match);
                }
            }
            else if (matches.Length > 0)
            {
                Merge(matches[0], change, item);
            }
            else
            {
                result.Add((JsonNode)Merge([], change, item));
            }
        }

        return result;
    }

    /// <summary>Items in the order asked for; those it does not name follow, in their own order.</summary>
    private static JsonArray Sorted(JsonArray items, JsonArray? order, string? mergeKey)
    {
        if (order is null)
        {
            return items;
        }

        int Place(JsonNode? item)
        {
            for (var i = 0; i < order.Count; i++)
            {
                if (JsonNode.DeepEquals(mergeKey is null ? order[i] : order[i]?[mergeKey], mergeKey is null ? item : item?[mergeKey]))
                {
                    return i;
                }
            }

            return int.MaxValue;
        }

        return [.. items.Select((item, index) => (item, index, place: Place(item))).OrderBy(x => x.place).ThenBy(x => x.index).Select(x => x.item?.DeepClone())];
    }

    private static Definition? Of(Definition? owner, FieldSchema? field) =>
        owner is not null && field is { Type: FieldType.Object, Reference: { } reference } ? BuiltInSchemas.Resolve(owner, reference) : null;
}
