using System.Text.Json.Nodes;

namespace Kaji.Api.Apply;

/// <summary>Puts a configuration over a live object, and takes fields out of one. Results share nothing with what went in.</summary>
internal static class Merging
{
    /// <summary>The live value with the configuration's fields in it.</summary>
    public static JsonNode? Merge(JsonNode? live, JsonNode? applied, Atom atom) => atom.Walk(live, applied) switch
    {
        _ when applied is null => live?.DeepClone(),
        AtomShape.Map => MergeMap(live as JsonObject ?? [], (JsonObject)applied, atom),
        AtomShape.List => MergeList(live as JsonArray ?? [], (JsonArray)applied, atom),
        _ => applied.DeepClone(),
    };

    /// <summary>A copy without the set's paths; null when nothing is left in a map or list that held something.</summary>
    public static JsonNode? Remove(JsonNode value, FieldSet gone, Atom atom)
    {
        switch (atom.Walk(value, null))
        {
            case AtomShape.Map:
                var map = new JsonObject();
                foreach (var (name, below) in (JsonObject)value)
                {
                    if (Without(below, gone.Child(PathElement.Field(name)), atom.Field(name)?.Type ?? atom.Element ?? Atom.Deduced, out var kept))
                    {
                        map[name] = kept;
                    }
                }

                // A struct that is emptied but not taken out itself is someone's: {} says something, as in emptyDir. A map without entries says nothing.
                return map.Count == 0 && !atom.IsStruct ? null : map;
            case AtomShape.List:
                var list = new JsonArray();
                foreach (var item in (JsonArray)value)
                {
                    var below = PathElement.OfItem(item, atom) is { } element ? gone.Child(element) : FieldSet.Empty;
                    if (Without(item, below, atom.Element ?? Atom.Deduced, out var kept))
                    {
                        list.Add(kept);
                    }
                }

                return list.Count == 0 ? null : list;
            default:
                return value.DeepClone();
        }
    }

    private static bool Without(JsonNode? value, FieldSet gone, Atom atom, out JsonNode? kept)
    {
        kept = null;
        if (gone.IsMember)
        {
            return false;
        }

        if (gone.IsEmpty || value is null)
        {
            kept = value?.DeepClone();
            return true;
        }

        kept = Remove(value, gone, atom);
        return kept is not null;
    }

    private static JsonObject MergeMap(JsonObject live, JsonObject applied, Atom atom)
    {
        var result = new JsonObject();
        foreach (var (name, value) in live)
        {
            if (!applied.TryGetPropertyValue(name, out var wanted))
            {
                result[name] = value?.DeepClone();
            }
            else if (wanted is not null)
            {
                result[name] = Merge(value, wanted, atom.Field(name)?.Type ?? atom.Element ?? Atom.Deduced);
            }
        }

        foreach (var (name, wanted) in applied)
        {
            // A null unsets: what is there is gone, and the kind's default comes in.
            if (!live.ContainsKey(name) && wanted is not null)
            {
                result[name] = Merge(null, wanted, atom.Field(name)?.Type ?? atom.Element ?? Atom.Deduced);
            }
        }

        return result;
    }

    /// <summary>
    /// Items that both have come in the configuration's order; those that only the live list has keep their place before the item they preceded.
    /// </summary>
    private static JsonArray MergeList(JsonArray live, JsonArray applied, Atom atom)
    {
        var item = atom.Element ?? Atom.Deduced;
        if (Items.Of(live, atom) is not { } olds || Items.Of(applied, atom) is not { } news)
        {
            return (JsonArray)applied.DeepClone();
        }

        var result = new JsonArray();
        var shared = new Queue<string>(news.Names.Where(olds.Has));
        var (o, n) = (0, 0);
        while (o < olds.Names.Count || n < news.Names.Count)
        {
            var old = o < olds.Names.Count ? olds.Names[o] : null;
            var now = n < news.Names.Count ? news.Names[n] : null;
            if (old is not null && !news.Has(old))
            {
                foreach (var kept in olds.All(old))
                {
                    result.Add(kept?.DeepClone());
                }

                o++;
                continue;
            }

            if (old is not null && (now is null || (old != now && (shared.Count == 0 || shared.Peek() != old))))
            {
                // Shared, and its turn is by the configuration's order.
                o++;
                continue;
            }

            var before = olds.All(now!);
            result.Add(Merge(before.Count == 1 ? before[0] : null, news.All(now!)[0], item));
            if (shared.TryPeek(out var next) && next == now)
            {
                shared.Dequeue();
            }

            if (old == now)
            {
                o++;
            }

            n++;
        }

        return result;
    }
}
