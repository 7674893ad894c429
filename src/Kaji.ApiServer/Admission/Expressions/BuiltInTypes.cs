using System.Collections.Concurrent;
using Kaji.Api.Kinds;
using Kaji.Api.Schemas;
using Kaji.Cel;

namespace Kaji.ApiServer.Admission.Expressions;

/// <summary>The built-in kinds as types of expressions, for the type checking of policies.</summary>
internal static class BuiltInTypes
{
    private static readonly ConcurrentDictionary<string, CelType> Made = new(StringComparer.Ordinal);

    /// <summary>Null when nothing is known of the kind.</summary>
    public static CelType? Of(ResourceInfo resource)
    {
        var name = BuiltInSchemas.NameOf(resource.Group, resource.Version, resource.Kind);
        return BuiltInSchemas.Find(name) is { Fields.Count: > 0 } definition ? Object(definition) : null;
    }

    private static CelType Object(Definition definition) =>
        Made.GetOrAdd(definition.Name, static (name, d) => CelType.Object(name, () => d.Fields.ToDictionary(f => f.Name, f => Field(d, f), StringComparer.Ordinal)), definition);

    private static CelType Field(Definition owner, FieldSchema field)
    {
        var one = One(owner, field);
        return field.Shape switch
        {
            FieldShape.List => CelType.List(one),
            FieldShape.Map => CelType.Map(CelType.String, field.ListInMap ? CelType.List(one) : one),
            _ => one,
        };
    }

    private static CelType One(Definition owner, FieldSchema field) => field.Type switch
    {
        FieldType.String when field.Format == "byte" => CelType.Bytes,
        FieldType.String => CelType.String,
        FieldType.Integer => CelType.Int,
        FieldType.Number => CelType.Double,
        FieldType.Boolean => CelType.Bool,
        FieldType.Object => field.Reference switch
        {
            "Time" or "MicroTime" => CelType.Timestamp,
            "IntOrString" or "Quantity" => CelType.Dyn,
            "Duration" => CelType.String,
            var reference => BuiltInSchemas.Resolve(owner, reference!) is { Fields.Count: > 0 } definition ? Object(definition) : CelType.Dyn,
        },
        _ => CelType.Dyn,
    };
}
