using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using Kaji.Api.Kinds;
using Kaji.Api.Metadata;
using Kaji.Api.Tables;

namespace Kaji.Api.CustomResources;

/// <summary>
/// The Table of a custom kind: its name, then its <c>additionalPrinterColumns</c>, or its age when it has none.
/// https://kubernetes.io/docs/tasks/extend-kubernetes/custom-resources/custom-resource-definitions/#additional-printer-columns
/// </summary>
internal static class CustomColumns
{
    public static TableDefinition Of(IEnumerable<JsonObject> columns)
    {
        var own = columns.Select(c => (
            Column: new TableColumn(c.Str("name"), c.Str("type"), c.Str("format"), (int)(c.Int("priority") ?? 0)) { Description = c.Str("description") }, Path: JsonPath.Parse(c.Str("jsonPath")))).ToArray();
        if (own.Length == 0)
        {
            own = [(new TableColumn("Age", "date", "", 0) { Description = "CreationTimestamp is a timestamp representing the server time when this object was created. It is not guaranteed to be set in happens-before order across separate operations. Clients may not set this value. It is represented in RFC3339 form and is in UTC." }, JsonPath.Parse(".metadata.creationTimestamp"))];
        }

        var name = new TableColumn("Name", "string", "name", 0) { Description = "Name must be unique within a namespace. Is required when creating resources, although some resources may allow a client to request the generation of an appropriate name automatically. Name is primarily intended for creation idempotence and configuration definition. Cannot be updated. More info: https://kubernetes.io/docs/concepts/overview/working-with-objects/names#names" };
        return TableDefinition.Of([name, .. own.Select(c => c.Column)], (obj, now) => [obj.Obj("metadata").Str("name"), .. own.Select(c => Cell(c.Column.Type, c.Path.Find(obj).FirstOrDefault(), now))]);
    }

    private static JsonNode? Cell(string type, JsonNode? value, DateTimeOffset now)
    {
        if (value is null)
        {
            return null;
        }

        var kind = value.GetValueKind();
        switch (type)
        {
            case "string":
                return value is JsonValue ? Text(value.AsValue(), kind) : value.ToJsonString();
            case "date":
                return kind != JsonValueKind.String ? null : Timestamps.TryParse(value.GetValue<string>(), out var then) ? Timestamps.HumanDuration(now - then) : "<invalid>";
            case "integer" when kind == JsonValueKind.Number:
                return (long)JsonNumbers.Of(value.AsValue());
            case "number" when kind == JsonValueKind.Number:
            case "boolean" when kind is JsonValueKind.True or JsonValueKind.False:
                return value.DeepClone();
            default:
                return null;
        }
    }

    private static string Text(JsonValue value, JsonValueKind kind) => kind switch
    {
        JsonValueKind.String => value.GetValue<string>(),
        JsonValueKind.Number => JsonNumbers.Of(value).ToString("R", CultureInfo.InvariantCulture),
        _ => value.ToJsonString(),
    };
}
