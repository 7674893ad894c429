using System.Text.Json.Nodes;
using Kaji.Api.Errors;
using Kaji.Api.Kinds;
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
                throw new ApiErrorException(ApiErrors.BadRequest($"unknown patch type found in: map ({unknown})"));
        }

        Retain(original, patch);
        var ordered = InOrder(original, patch, definition);
        foreach (var (key, change) in patch)
        {
            if (key is Directive or RetainKeys || key.StartsWith(Order, StringComparison.Ordinal) || ordered.Contains(key))
            {
                continue;
            }

            if (key.StartsWith(DeletePrimitives, StringComparison.Ordinal))
            {
                Delete(original[key[DeletePrimitives.Length..]] as JsonArray, change as JsonArray);
                continue;
            }

            var field = definition?.Field(key);
            var present = original[key];
            switch (change)
            {
                case null:
                    original.Remove(key);
                    break;
                case JsonObject changes when field?.PatchStrategy == "replace":
                    original[key] = Merge([], changes, null);
                    break;
                case JsonObject changes:
                    var next = Merge(present as JsonObject ?? [], changes, field is { Shape: FieldShape.Map } ? null : Of(definition, field));
                    if (!ReferenceEquals(next, present))
                    {
                        original[key] = next;
                    }

                    break;
                case JsonArray changes when Merges(field):
                    original[key] = MergeList(present as JsonArray, changes, field!, Of(definition, field));
                    break;
                default:
                    original[key] = change.DeepClone();
                    break;
            }
        }

        return original;
    }

    /// <summary>$retainKeys: all other keys go. What the patch sets must be among them.</summary>
    private static void Retain(JsonObject original, JsonObject patch)
    {
        if (patch[RetainKeys] is not { } said)
        {
            return;
        }

        var keep = (said as JsonArray ?? throw new ApiErrorException(ApiErrors.BadRequest("$retainKeys is a list"))).Select(k => k.Text()).ToHashSet(StringComparer.Ordinal);
        if (patch.FirstOrDefault(p => p.Key[0] != '$' && p.Value is not null && !keep.Contains(p.Key)) is { Key: { } stray })
        {
            throw new ApiErrorException(ApiErrors.BadRequest($"invalid patch format of retainKeys: {stray} is set but not retained"));
        }

        foreach (var key in original.Select(p => p.Key).Where(k => !keep.Contains(k)).ToArray())
        {
            original.Remove(key);
        }
    }

    /// <summary>$setElementOrder: lists that come out in an order of the patch's choice, whether it changes them or not.</summary>
    /// <returns>The fields that are done with.</returns>
    private static HashSet<string> InOrder(JsonObject original, JsonObject patch, Definition? definition)
    {
        var done = new HashSet<string>(StringComparer.Ordinal);
        foreach (var (directive, said) in patch)
        {
            if (!directive.StartsWith(Order, StringComparison.Ordinal))
            {
                continue;
            }

            var key = directive[Order.Length..];
            var order = said as JsonArray ?? throw new ApiErrorException(ApiErrors.BadRequest($"{directive} is a list"));
            var field = definition?.Field(key);
            var (present, changes) = (original[key] as JsonArray, patch[key] as JsonArray);
            if ((present is null && changes is null) || !Merges(field))
            {
                continue;
            }

            foreach (var item in (changes ?? []).Where(c => (c as JsonObject)?[Directive] is null && IndexOf(order, c, field!.PatchMergeKey) < 0))
            {
                throw new ApiErrorException(ApiErrors.BadRequest($"The order in patch list:\n{changes!.ToJsonString()}\n doesn't match {directive} list:\n{order.ToJsonString()}\n"));
            }

            var merged = changes is null ? present! : MergeList(present, changes, field!, Of(definition, field));
            original[key] = Arranged(merged, order, present ?? [], field!.PatchMergeKey);
            done.Add(key);
        }

        return done;
    }

    private static void Delete(JsonArray? list, JsonArray? gone)
    {
        foreach (var item in (list ?? []).Where(i => gone?.Any(g => JsonNode.DeepEquals(g, i)) == true).ToArray())
        {
            list!.Remove(item);
        }
    }

    private static JsonArray MergeList(JsonArray? original, JsonArray patch, FieldSchema field, Definition? item)
    {
        var mergeKey = field.PatchMergeKey;
        if (patch.OfType<JsonObject>().Any(p => (string?)p[Directive] == "replace"))
        {
            return [.. patch.Where(p => (p as JsonObject)?[Directive] is null).Select(p => p?.DeepClone())];
        }

        var result = new JsonArray([.. (original ?? []).Select(o => o?.DeepClone())]);
        var named = new JsonArray();
        foreach (var node in patch)
        {
            if (mergeKey is null)
            {
                if (!result.Any(r => JsonNode.DeepEquals(r, node)))
                {
                    result.Add(node?.DeepClone());
                }

                named.Add(node?.DeepClone());
                continue;
            }

            if (node is not JsonObject change)
            {
                throw new ApiErrorException(ApiErrors.BadRequest($"expected maps in the list {field.Name}"));
            }

            var directive = (string?)change[Directive];
            if (change[mergeKey] is not { } key)
            {
                throw new ApiErrorException(ApiErrors.BadRequest($"map: {change.ToJsonString()} does not contain declared merge key: {mergeKey}"));
            }

            var matches = result.OfType<JsonObject>().Where(r => JsonNode.DeepEquals(r[mergeKey], key)).ToArray();
            switch (directive)
            {
                case "delete":
                    foreach (var match in matches)
                    {
                        result.Remove(match);
                    }

                    continue;
                case not null and not "merge":
                    throw new ApiErrorException(ApiErrors.BadRequest($"unknown patch type found in: list {field.Name} ({directive})"));
            }

            named.Add(change.DeepClone());
            if (matches.Length == 0)
            {
                result.Add((JsonNode)Merge([], change, item));
            }
            else if (Merge(matches[0], change, item) is var merged && !ReferenceEquals(merged, matches[0]))
            {
                result[result.IndexOf(matches[0])] = merged;
            }
        }

        return Arranged(result, named, original ?? [], mergeKey);
    }

    /// <summary>
    /// Items that the order names come in it; the others keep their place before the named items they stood before. An item that the server did not have goes in front of what
    /// the order does not name.
    /// </summary>
    private static JsonArray Arranged(JsonArray items, JsonArray order, JsonArray server, string? mergeKey)
    {
        var named = items.Select(i => (Item: i, Place: IndexOf(order, i, mergeKey))).Where(x => x.Place >= 0).OrderBy(x => x.Place).Select(x => x.Item).ToArray();
        var others = items.Select(i => (Item: i, Place: IndexOf(order, i, mergeKey), Old: IndexOf(server, i, mergeKey))).Where(x => x.Place < 0).OrderBy(x => x.Old).Select(x => x.Item).ToArray();
        var result = new JsonArray();
        var (o, n) = (0, 0);
        while (o < others.Length || n < named.Length)
        {
            var takeOther = n >= named.Length
                || (o < others.Length && IndexOf(server, others[o], mergeKey) is >= 0 and var left && IndexOf(server, named[n], mergeKey) is >= 0 and var right && left < right);
            result.Add((takeOther ? others[o++] : named[n++])?.DeepClone());
        }

        return result;
    }

    private static int IndexOf(JsonArray list, JsonNode? item, string? mergeKey)
    {
        for (var i = 0; i < list.Count; i++)
        {
            if (mergeKey is null ? JsonNode.DeepEquals(list[i], item) : list[i] is JsonObject one && item is JsonObject other && JsonNode.DeepEquals(one[mergeKey], other[mergeKey]))
            {
                return i;
            }
        }

        return -1;
    }

    private static bool Merges(FieldSchema? field) => field?.PatchStrategy?.Contains("merge", StringComparison.Ordinal) == true;

    private static Definition? Of(Definition? owner, FieldSchema? field) =>
        owner is not null && field is { Type: FieldType.Object, Reference: { } reference } ? BuiltInSchemas.Resolve(owner, reference) : null;
}
