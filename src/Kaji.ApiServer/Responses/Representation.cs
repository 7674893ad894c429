using System.Text.Json.Nodes;
using Kaji.Api;
using Kaji.Api.Errors;
using Kaji.Api.Kinds;
using Kaji.Api.Tables;
using Microsoft.AspNetCore.Http;

namespace Kaji.ApiServer.Responses;

/// <summary>The form a client asks objects in, by its Accept header.</summary>
internal enum Form
{
    Object,
    Table,
    Metadata,
}

/// <summary>Content negotiation, and the forms that are not the object itself: Table (for <c>kubectl get</c>) and PartialObjectMetadata.</summary>
internal sealed class Representation
{
    private const string Meta = "meta.k8s.io/v1";

    private Representation(Form form, string includeObject)
    {
        Form = form;
        IncludeObject = includeObject;
    }

    public Form Form { get; }

    /// <summary>What a Table's rows carry: Metadata, Object or None.</summary>
    private string IncludeObject { get; }

    /// <exception cref="ApiErrorException">406.</exception>
    public static Representation Of(HttpRequest request)
    {
        var include = request.Query["includeObject"].ToString() is { Length: > 0 } said ? said : "Metadata";
        var accept = request.Headers.Accept.ToString();
        if (accept.Length == 0)
        {
            return new Representation(Form.Object, include);
        }

        foreach (var entry in accept.Split(','))
        {
            var parts = entry.Split(';', StringSplitOptions.TrimEntries);
            if (parts[0] is not ("application/json" or "*/*" or "application/*" or Rendering.Yaml))
            {
                continue;
            }

            var asForm = parts.FirstOrDefault(p => p.StartsWith("as=", StringComparison.Ordinal))?[3..];
            var group = parts.FirstOrDefault(p => p.StartsWith("g=", StringComparison.Ordinal))?[2..];
            var version = parts.FirstOrDefault(p => p.StartsWith("v=", StringComparison.Ordinal))?[2..];
            if (asForm is null)
            {
                return new Representation(Form.Object, include);
            }

            if (group == "meta.k8s.io" && version == "v1")
            {
                switch (asForm)
                {
                    case "Table":
                        return new Representation(Form.Table, include);
                    case "PartialObjectMetadata" or "PartialObjectMetadataList":
                        return new Representation(Form.Metadata, include);
                }
            }
        }

        throw new ApiErrorException(ApiErrors.NotAcceptable("application/json, application/yaml"));
    }

    /// <summary>One object.</summary>
    public JsonObject One(ResourceInfo resource, JsonObject obj, DateTimeOffset now) => Form switch
    {
        Form.Table => TableOf(resource, [obj], obj.Obj("metadata").Str("resourceVersion"), null, 0, now, header: true),
        Form.Metadata => Partial(obj),
        _ => obj,
    };

    /// <summary>A list.</summary>
    public JsonObject List(ResourceInfo resource, IEnumerable<JsonObject> items, string revision, string? next, long remaining, DateTimeOffset now)
    {
        if (Form == Form.Table)
        {
            return TableOf(resource, items, revision, next, remaining, now, header: true);
        }

        var list = Form == Form.Metadata ? items.Select(Partial) : items;
        return new JsonObject
        {
            ["kind"] = Form == Form.Metadata ? "PartialObjectMetadataList" : resource.ListKind,
            ["apiVersion"] = Form == Form.Metadata ? Meta : resource.ApiVersion,
            ["metadata"] = ListMeta(revision, next, remaining),
            ["items"] = new JsonArray([.. list.Select(i => (JsonNode)i)]),
        };
    }

    /// <summary>The object of a watch event.</summary>
    public JsonObject Event(ResourceInfo resource, JsonObject obj, DateTimeOffset now, bool first) =>
        Form == Form.Table ? TableOf(resource, [obj], obj.Obj("metadata").Str("resourceVersion"), null, 0, now, header: first) : One(resource, obj, now);

    public static JsonObject ListMeta(string revision, string? next, long remaining)
    {
        var metadata = new JsonObject { ["resourceVersion"] = revision };
        if (next is not null)
        {
            metadata["continue"] = next;
            metadata["remainingItemCount"] = remaining;
        }

        return metadata;
    }

    private static JsonObject Partial(JsonObject obj) => new() { ["kind"] = "PartialObjectMetadata", ["apiVersion"] = Meta, ["metadata"] = obj["metadata"]?.DeepClone() };

    private JsonObject TableOf(ResourceInfo resource, IEnumerable<JsonObject> items, string revision, string? next, long remaining, DateTimeOffset now, bool header)
    {
        var definition = TableDefinition.For(resource);
        var columns = new JsonArray();
        if (header)
        {
            foreach (var column in definition.Columns)
            {
                columns.Add((JsonNode)new JsonObject { ["name"] = column.Name, ["type"] = column.Type, ["format"] = column.Format, ["description"] = column.Description, ["priority"] = column.Priority });
            }
        }

        var rows = new JsonArray();
        foreach (var item in items)
        {
            var row = new JsonObject { ["cells"] = new JsonArray([.. definition.CellsOf(item, now)]) };
            switch (IncludeObject)
            {
                case "Metadata":
                    row["object"] = Partial(item);
                    break;
                case "Object":
                    row["object"] = item.DeepClone();
                    break;
            }

            rows.Add((JsonNode)row);
        }

        return new JsonObject { ["kind"] = "Table", ["apiVersion"] = Meta, ["metadata"] = ListMeta(revision, next, remaining), ["columnDefinitions"] = columns, ["rows"] = rows };
    }
}
