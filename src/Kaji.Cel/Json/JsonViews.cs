using System.Text.Json.Nodes;
using Kaji.Cel.Values;

namespace Kaji.Cel.Json;

/// <summary>A JSON array seen as a list; elements become values when they are read.</summary>
internal sealed class JsonList(JsonArray array, CelType type) : CelList
{
    private readonly CelType element = type.Kind == CelTypeKind.List ? type.Element : CelType.Dyn;

    public override int Count => array.Count;

    public override CelListKind Kind => type.ListKind;

    public override IReadOnlyList<string> MapKeys => type.ListMapKeys;

    public JsonArray Node => array;

    public override object? this[int index] => CelJson.FromJson(array[index], element);
}

/// <summary>A JSON object seen as a map with string keys.</summary>
internal sealed class JsonMap(JsonObject json, CelType type) : CelMap
{
    private readonly CelType value = type.Kind == CelTypeKind.Map ? type.Value : CelType.Dyn;

    public override int Count => json.Count;

    public JsonObject Node => json;

    public override IEnumerable<object?> Keys => json.Select(entry => (object?)entry.Key);

    public override bool TryGet(object? key, out object? item)
    {
        if (key is string name && json.TryGetPropertyValue(name, out var node))
        {
            item = CelJson.FromJson(node, value);
            return true;
        }

        item = null;
        return false;
    }
}

/// <summary>A JSON object seen through a schema. Properties that the schema does not know are not there, and neither are nulls of fields that are not nullable.</summary>
internal sealed class JsonRecord(JsonObject json, CelType type) : CelObject
{
    public override CelType CelType => type;

    public JsonObject Node => json;

    public override IEnumerable<string> FieldNames => json.Where(entry => TypeOf(entry.Key) is { } known && (entry.Value is not null || known.IsNullable || known.Kind == CelTypeKind.Dyn)).Select(entry => entry.Key);

    public override bool TryGetByName(string jsonName, out object? value)
    {
        value = null;
        if (TypeOf(jsonName) is not { } field || !json.TryGetPropertyValue(jsonName, out var node) || (node is null && !field.IsNullable && field.Kind != CelTypeKind.Dyn))
        {
            return false;
        }

        value = CelJson.FromJson(node, field);
        return true;
    }

    private CelType? TypeOf(string name) => type.IsOpen ? CelType.Dyn : type.Fields.GetValueOrDefault(name);
}
