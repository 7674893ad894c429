using Kaji.Cel.Values;

namespace Kaji.Cel.Json;

/// <summary>
/// <c>x + y</c> of lists as their schema means it: of sets the union, of keyed lists y's elements replace x's of the same keys in their places; new ones come last.
/// </summary>
internal static class SchemaLists
{
    public static CelList Add(CelList a, CelList b)
    {
        if (a.Count == 0 && a.Kind == CelListKind.Atomic)
        {
            return b;
        }

        var items = new List<object?>(a.Count + b.Count);
        items.AddRange(a);
        if (a.Kind == CelListKind.Atomic)
        {
            items.AddRange(b);
            return new CelArray(items);
        }

        var places = new Dictionary<object, int>();
        for (var i = 0; i < items.Count; i++)
        {
            if (SchemaKey.Of(items[i], a.Kind, a.MapKeys) is { } key)
            {
                places.TryAdd(key, i);
            }
        }

        foreach (var item in b)
        {
            var key = SchemaKey.Of(item, a.Kind, a.MapKeys);
            var at = key is null ? items.FindIndex(other => CelValues.AreEqual(other, item)) : places.GetValueOrDefault(key, -1);
            if (at < 0)
            {
                _ = key is not null && places.TryAdd(key, items.Count);
                items.Add(item);
            }
            else if (a.Kind == CelListKind.Map)
            {
                items[at] = item;
            }
        }

        return new Combined(items, a.Kind, a.MapKeys);
    }

    private sealed class Combined(List<object?> items, CelListKind kind, IReadOnlyList<string> keys) : CelList
    {
        public override int Count => items.Count;

        public override CelListKind Kind => kind;

        public override IReadOnlyList<string> MapKeys => keys;

        public override object? this[int index] => items[index];
    }
}
