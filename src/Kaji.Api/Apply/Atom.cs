using System.Collections.Concurrent;
using System.Text.Json.Nodes;

namespace Kaji.Api.Apply;

/// <summary>What a value is for server-side apply.</summary>
public enum AtomShape
{
    /// <summary>Owned as a whole.</summary>
    Scalar,

    /// <summary>A struct or a map.</summary>
    Map,

    List,

    /// <summary>Without a schema: maps are granular, lists atomic.</summary>
    Deduced,
}

/// <summary>A declared field of a struct.</summary>
/// <param name="Type">Of its value.</param>
/// <param name="AlwaysPresent">Kubernetes' Go type holds it also when the JSON does not: it then never appears or disappears itself, only what is in it.</param>
public sealed record AtomField(Atom Type, bool AlwaysPresent = false);

/// <summary>
/// A schema as server-side apply sees it: which parts of an object are owned one by one and which as a whole. Made of a built-in definition (<see cref="BuiltInAtoms"/>), a
/// CustomResourceDefinition's schema (<see cref="OpenApiAtoms"/>), or nothing (<see cref="Deduced"/>).
/// https://kubernetes.io/docs/reference/using-api/server-side-apply/#merge-strategy
/// </summary>
public sealed class Atom
{
    private readonly Func<string, AtomField?>? _find;
    private readonly ConcurrentDictionary<string, AtomField>? _found;
    private readonly Lazy<Atom?> _element;
    private readonly Func<string, JsonNode?>? _keyDefault;

    private Atom(AtomShape shape, bool atomic, Func<string, AtomField?>? find, Func<Atom?>? element, IReadOnlyList<string>? keys = null, Func<string, JsonNode?>? keyDefault = null)
    {
        (Shape, IsAtomic, _find, _keyDefault) = (shape, atomic, find, keyDefault);
        _found = find is null ? null : new(StringComparer.Ordinal);
        _element = new(element ?? (static () => null));
        Keys = keys ?? [];
        SortedKeys = [.. Keys.Order(StringComparer.Ordinal)];
    }

    public static Atom Scalar { get; } = new(AtomShape.Scalar, true, null, null);

    public static Atom Deduced { get; } = new(AtomShape.Deduced, false, null, () => Deduced);

    public static Atom AtomicList { get; } = new(AtomShape.List, true, null, null);

    public AtomShape Shape { get; }

    /// <summary>A map or list that is owned as a whole.</summary>
    public bool IsAtomic { get; }

    /// <summary>Of a map's values (a struct's undeclared fields) or a list's items; null when there may be none.</summary>
    public Atom? Element => _element.Value;

    /// <summary>The fields that name a list's items; none for sets and atomic lists.</summary>
    public IReadOnlyList<string> Keys { get; }

    internal IReadOnlyList<string> SortedKeys { get; }

    /// <summary>A map with declared fields.</summary>
    internal bool IsStruct => _find is not null;

    public bool IsSet => Shape == AtomShape.List && !IsAtomic && Keys.Count == 0;

    /// <param name="find">Declared fields.</param>
    /// <param name="others">Type of undeclared fields; null when there may be none.</param>
    public static Atom Struct(Func<string, AtomField?> find, Func<Atom?>? others = null, bool atomic = false) => new(AtomShape.Map, atomic, find, others);

    public static Atom Map(Func<Atom?> values, bool atomic = false) => new(AtomShape.Map, atomic, null, values);

    public static Atom Set(Func<Atom?> items) => new(AtomShape.List, false, null, items);

    /// <param name="keyDefault">The value of a key that an item leaves out, or null.</param>
    public static Atom ListMap(Func<Atom?> items, IReadOnlyList<string> keys, Func<string, JsonNode?> keyDefault) => new(AtomShape.List, false, null, items, keys, keyDefault);

    public AtomField? Field(string name)
    {
        if (_find is null)
        {
            return null;
        }

        if (_found!.TryGetValue(name, out var known))
        {
            return known;
        }

        // Only what is declared is remembered: names come from users.
        return _find(name) is { } field ? _found.GetOrAdd(name, field) : null;
    }

    public JsonNode? KeyDefault(string key) => _keyDefault?.Invoke(key);

    /// <summary>The same, but owned part by part.</summary>
    public Atom Granular() => IsAtomic && Shape == AtomShape.Map ? new Atom(Shape, false, _find, () => Element) : this;

    /// <summary>Whether these values (either may be missing) are walked into, or owned as a whole.</summary>
    internal AtomShape Walk(JsonNode? a, JsonNode? b)
    {
        if (IsAtomic || Shape == AtomShape.Scalar)
        {
            return AtomShape.Scalar;
        }

        var map = (a is null or JsonObject) && (b is null or JsonObject);
        return Shape switch
        {
            AtomShape.Map or AtomShape.Deduced when map && (Count(a) > 0 || Count(b) > 0) => AtomShape.Map,
            AtomShape.List when (a is null or JsonArray) && (b is null or JsonArray) && (Count(a) > 0 || Count(b) > 0) => AtomShape.List,
            _ => AtomShape.Scalar,
        };
    }

    private static int Count(JsonNode? node) => node switch { JsonObject obj => obj.Count, JsonArray list => list.Count, _ => 0 };
}
