using System.Text.Json.Nodes;

namespace Kaji.Api.Apply;

/// <summary>A configuration that does not fit its schema; the message names the place, as <c>.spec.foo: field not declared in schema</c>.</summary>
public sealed class ApplySchemaException(string message) : Exception(message);

/// <summary>Which fields a configuration holds: what its applier comes to own.</summary>
public static class FieldSets
{
    /// <summary>The fields of a value; lenient about what does not fit the schema.</summary>
    public static FieldSet Of(JsonNode? value, Atom atom) => Node(value, atom, null) ?? FieldSet.Empty;

    /// <summary>The fields of a configuration.</summary>
    /// <exception cref="ApplySchemaException">An undeclared field, a list's item without its key or there twice, a wrong type.</exception>
    public static FieldSet OfConfiguration(JsonObject configuration, Atom atom) => Node(configuration, atom, "") ?? FieldSet.Empty;

    private static FieldSet? Node(JsonNode? value, Atom atom, string? path)
    {
        if (path is not null)
        {
            Check(value, atom, path);
        }

        return value is null ? null : (atom.IsAtomic ? AtomShape.Scalar : atom.Walk(value, null)) switch
        {
            AtomShape.Map => Map((JsonObject)value, atom, path),
            AtomShape.List => List((JsonArray)value, atom, path),

            // An empty list that is owned item by item has nothing to own.
            _ => atom.Shape == AtomShape.List && !atom.IsAtomic ? null : FieldSet.Leaf,
        };
    }

    private static FieldSet? Map(JsonObject map, Atom atom, string? path)
    {
        Dictionary<string, FieldSet>? children = null;
        foreach (var (name, value) in map)
        {
            var field = atom.Field(name);
            var below = path is null ? null : $"{path}.{name}";
            if (below is not null && field is null && atom.Shape == AtomShape.Map && atom.Element is null)
            {
                throw new ApplySchemaException($"{below}: field not declared in schema");
            }

            var set = Node(value, field?.Type ?? atom.Element ?? Atom.Deduced, below);

            // A field that is set to nothing is owned too: that is how it is kept unset. So is each key of a map.
            if (value is null || field is null)
            {
                set = FieldSet.Of(true, set is null ? null : new(set.Children, StringComparer.Ordinal));
            }

            if (set is not null)
            {
                (children ??= new(StringComparer.Ordinal))[PathElement.Field(name)] = set;
            }
        }

        return children is null ? null : FieldSet.Of(false, children);
    }

    private static FieldSet? List(JsonArray list, Atom atom, string? path)
    {
        Dictionary<string, FieldSet>? children = null;
        for (var i = 0; i < list.Count; i++)
        {
            if (PathElement.OfItem(list[i], atom) is not { } element)
            {
                if (path is not null)
                {
                    throw new ApplySchemaException(Keyless(list[i], atom, path, i));
                }

                return FieldSet.Leaf;
            }

            if (path is not null && children?.ContainsKey(element) == true)
            {
                throw new ApplySchemaException($"{path}: duplicate entries for key {PathElement.Show(element)}");
            }

            var below = Node(list[i], atom.Element ?? Atom.Deduced, path is null ? null : path + PathElement.Show(element)) ?? FieldSet.Empty;
            (children ??= new(StringComparer.Ordinal))[element] = FieldSet.Of(true, new(below.Children, StringComparer.Ordinal));
        }

        return children is null ? null : FieldSet.Of(false, children);
    }

    private static string Keyless(JsonNode? item, Atom atom, string path, int at) => item is JsonObject obj
        ? $"{path}: element {at}: associative list with keys has an element that omits key field \"{atom.Keys.First(k => obj[k] is null && atom.KeyDefault(k) is null)}\" (and doesn't have default value)"
        : $"{path}: element {at}: associative list with keys may not have non-map elements";

    private static void Check(JsonNode? value, Atom atom, string path)
    {
        var fits = (atom.Shape, value) switch
        {
            (_, null) or (AtomShape.Deduced, _) => true,
            (AtomShape.Map, _) => value is JsonObject,
            (AtomShape.List, _) => value is JsonArray,
            _ => value is JsonValue,
        };
        if (!fits)
        {
            throw new ApplySchemaException($"{path}: expected {(atom.Shape switch { AtomShape.Map => "map", AtomShape.List => "list", _ => "scalar" })}, got {value!.ToJsonString()}");
        }
    }
}
