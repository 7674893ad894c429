using System.Text.Json.Nodes;
using Kaji.Api.Kinds;

namespace Kaji.Api.Apply;

/// <summary>
/// The apply schema of a custom kind, over the structural OpenAPI v3 schema of its CustomResourceDefinition.
/// https://kubernetes.io/docs/tasks/extend-kubernetes/custom-resources/custom-resource-definitions/
/// </summary>
public static class OpenApiAtoms
{
    /// <summary>Of an object: <c>apiVersion</c>, <c>kind</c> and <c>metadata</c> are what they are everywhere, whatever the schema says.</summary>
    /// <param name="schema"><c>openAPIV3Schema</c>, or null for a kind without one.</param>
    public static Atom OfObject(JsonObject? schema)
    {
        var inner = schema is null ? Atom.Deduced : Of(schema);
        return Atom.Struct(name => Identity(name) ?? inner.Field(name), () => inner.Element);
    }

    /// <summary>Of a part of a schema.</summary>
    public static Atom Of(JsonObject schema)
    {
        if (schema.Bool("x-kubernetes-int-or-string") == true)
        {
            return Atom.Scalar;
        }

        switch (schema.Str("type"))
        {
            case "array":
                var items = schema.Obj("items") ?? [];
                var keys = (schema["x-kubernetes-list-map-keys"] as JsonArray ?? []).Select(k => k.Text()).ToArray();
                return schema.Str("x-kubernetes-list-type") switch
                {
                    "set" => Atom.Set(() => Of(items)),
                    "map" when keys.Length > 0 => Atom.ListMap(() => Of(items), keys, key => items.Obj("properties").Obj(key)?["default"]),
                    _ => Atom.AtomicList,
                };
            case "object":
                return OfMap(schema);
            case "":
                return schema.Obj("properties") is null ? Atom.Deduced : OfMap(schema);
            default:
                return Atom.Scalar;
        }
    }

    private static Atom OfMap(JsonObject schema)
    {
        var atomic = schema.Str("x-kubernetes-map-type") == "atomic";
        var embedded = schema.Bool("x-kubernetes-embedded-resource") == true;
        if (schema.Obj("additionalProperties") is { } values)
        {
            return Atom.Map(() => Of(values), atomic);
        }

        var properties = schema.Obj("properties");
        Func<Atom?>? others = schema.Bool("x-kubernetes-preserve-unknown-fields") == true || schema.Bool("additionalProperties") == true || (properties is null && !embedded) ? () => Atom.Deduced : null;
        return Atom.Struct(name => (embedded ? Identity(name) : null) ?? (properties.Obj(name) is { } field ? new AtomField(Of(field)) : null), others, atomic);
    }

    private static AtomField? Identity(string name) => name switch
    {
        "apiVersion" or "kind" => new AtomField(Atom.Scalar),
        "metadata" => new AtomField(BuiltInAtoms.ObjectMeta, AlwaysPresent: true),
        _ => null,
    };
}
