using Kaji.Api.CustomResources;
using Kaji.Cel;

namespace Kaji.ApiServer.CustomResources;

/// <summary>Structural schemas as types of expressions: what <c>self</c> is, and which of its fields a rule may name.</summary>
internal static class SchemaTypes
{
    private static readonly CelType Metadata = CelType.Object("metadata", new Dictionary<string, CelType>(StringComparer.Ordinal) { ["name"] = CelType.String, ["generateName"] = CelType.String });

    /// <param name="schema">The schema.</param>
    /// <param name="root">A whole object: it has apiVersion, kind and the name.</param>
    /// <returns>Null for what has no type: rules can't see it.</returns>
    public static CelType? Of(StructuralSchema schema, bool root = false)
    {
        var type = One(schema, root);
        return type is null || !schema.Nullable ? type : type.AsNullable();
    }

    private static CelType? One(StructuralSchema schema, bool root)
    {
        if (schema.IntOrString)
        {
            return CelType.Dyn;
        }

        switch (schema.Type)
        {
            case "object":
                if (schema.AdditionalProperties is { } values)
                {
                    return Of(values) is { } value ? CelType.Map(CelType.String, value).WithMaxSize(schema.MaxProperties) : null;
                }

                return Object(schema, root || schema.Embedded);
            case "array":
                if (schema.Items is null || Of(schema.Items) is not { } item)
                {
                    return null;
                }

                var list = CelType.List(item).WithMaxSize(schema.MaxItems);
                return schema.ListType switch { "set" => list.AsSet(), "map" => list.AsListMap([.. schema.ListMapKeys]), _ => list };
            case "string":
                return schema.Format switch
                {
                    "byte" => CelType.Bytes.WithMaxSize(schema.MaxLength),
                    "duration" => CelType.Duration,
                    "date" => CelType.Date,
                    "date-time" => CelType.Timestamp,
                    _ => CelType.String.WithMaxSize(schema.MaxLength ?? Longest(schema)),
                };
            case "boolean":
                return CelType.Bool;
            case "integer":
                return CelType.Int;
            case "number":
                return CelType.Double;
            default:
                return null;
        }
    }

    private static CelType Object(StructuralSchema schema, bool whole)
    {
        var fields = new Dictionary<string, CelType>(StringComparer.Ordinal);
        long least = 2;
        foreach (var (name, property) in schema.Properties)
        {
            if (Of(property) is { } type)
            {
                fields[name] = type;
                if (schema.Required.Contains(name, StringComparer.Ordinal) && property.Default is null)
                {
                    least += name.Length + 4 + (type.MinJsonSize ?? 1);
                }
            }
        }

        if (whole)
        {
            fields["apiVersion"] = fields["kind"] = CelType.String;
            fields["metadata"] = Metadata;
        }

        return CelType.Object("object", fields).WithMinJsonSize(least);
    }

    private static long? Longest(StructuralSchema schema)
    {
        long longest = 0;
        foreach (var value in schema.Enum)
        {
            longest = Math.Max(longest, value?.ToString().Length ?? 0);
        }

        return schema.Enum.Count > 0 ? longest : schema.Format switch { "ipv4" => 15, "ipv6" => 45, "uuid" => 36, _ => null };
    }
}
