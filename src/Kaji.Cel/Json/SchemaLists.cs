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
        foreach (var item in b)
        {
            var at = a.Kind switch
            {
                CelListKind.Set => items.FindIndex(other => CelValues.AreEqual(other, item)),
                CelListKind.Map => items.FindIndex(other => AreSameKeys(other, item, a.MapKeys)),
                _ => -1,
            };
            if (at < 0)
            {
                items.Add(item);
            }
            else if (a.Kind == CelListKind.Map)
            {
                items[at] = item;
            }
        }

        return a.Kind == CelListKind.Atomic ? new CelArray(items) : new Combined(items, a.Kind, a.MapKeys);
    }

    private static bool AreSameKeys(object? a, object? b, IReadOnlyList<string> keys) => keys.All(key => CelValues.AreEqual(Field(a, key), Field(b, key)));

    private static object? Field(object? value, string name) => value switch
    {
        CelObject o => o.TryGetByName(name, out var field) ? field : null,
        CelMap map => map.TryGet(name, out var item) ? item : null,
        _ => null,
    };

    private sealed class Combined(List<object?> items, CelListKind kind, IReadOnlyList<string> keys) : CelList
    {
        public override int Count => items.Count;

        public override CelListKind Kind => kind;

        public override IReadOnlyList<string> MapKeys => keys;

        public override object? this[int index] => items[index];
    }
}
