using System.Globalization;
using System.Text;
using Kaji.Cel.Values;

namespace Kaji.Cel.Json;

/// <summary>What identifies an element of a set or of a keyed list, so that large lists are compared and joined without comparing every pair.</summary>
internal static class SchemaKey
{
    /// <summary>Null when the element can only be compared.</summary>
    public static object? Of(object? item, CelListKind kind, IReadOnlyList<string> mapKeys)
    {
        if (kind == CelListKind.Set)
        {
            return CelDictionary.Normalize(item, out var plain) ? plain : null;
        }

        if (mapKeys.Count == 0 || item is not (CelObject or CelMap))
        {
            return null;
        }

        var text = new StringBuilder();
        foreach (var name in mapKeys)
        {
            var value = item is CelObject o ? (o.TryGetByName(name, out var field) ? field : null) : ((CelMap)item).TryGet(name, out var entry) ? entry : null;
            if (value is not null && !CelDictionary.Normalize(value, out value))
            {
                return null;
            }

            var part = CelText.Show(value);
            text.Append(CultureInfo.InvariantCulture, $"{(value is string ? 's' : value is bool ? 'b' : value is null ? '-' : 'n')}{part.Length}:{part}");
        }

        return text.ToString();
    }
}
