using System.Diagnostics.CodeAnalysis;

namespace Kaji.Cel.Values;

/// <summary>A map: a literal's dictionary or a view of JSON. Keys of different number types that are equal are the same key.</summary>
public abstract class CelMap
{
    public abstract int Count { get; }

    public abstract IEnumerable<object?> Keys { get; }

    public abstract bool TryGet(object? key, out object? value);
}

/// <summary>A map that an expression made, in the order of its making.</summary>
public sealed class CelDictionary : CelMap
{
    private readonly Dictionary<object, int> index = [];
    private readonly List<(object Key, object? Value)> entries = [];

    public override int Count => entries.Count;

    public override IEnumerable<object?> Keys => entries.Select(entry => (object?)entry.Key);

    /// <summary>False when the key is already there.</summary>
    public bool TryAdd(object key, object? value)
    {
        if (!Normalize(key, out var plain) || !index.TryAdd(plain, entries.Count))
        {
            return false;
        }

        entries.Add((key, value));
        return true;
    }

    public override bool TryGet(object? key, out object? value)
    {
        if (Normalize(key, out var plain) && index.TryGetValue(plain, out var at))
        {
            value = entries[at].Value;
            return true;
        }

        value = null;
        return false;
    }

    internal static bool Normalize(object? key, [NotNullWhen(true)] out object? plain)
    {
        plain = key switch
        {
            ulong u when u <= long.MaxValue => (long)u,
            double d when d == Math.Floor(d) && d >= -9223372036854775808.0 && d < 9223372036854775808.0 => (long)d,
            double d when d == Math.Floor(d) && d > 0 && d < 18446744073709551616.0 => (ulong)d,
            string or long or bool or ulong => key,
            _ => null,
        };
        return plain is not null;
    }
}
