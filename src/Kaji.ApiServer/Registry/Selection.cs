using System.Text.Json.Nodes;
using Kaji.Api;
using Kaji.Api.Errors;
using Kaji.Api.Kinds;
using Kaji.Api.Selectors;
using Kaji.ApiServer.Requests;
using Kaji.Store;
using Microsoft.AspNetCore.Http;

namespace Kaji.ApiServer.Registry;

/// <summary>Which objects of a collection a list or watch wants: label and field selectors of the query, and a name in the path.</summary>
internal sealed class Selection
{
    private readonly LabelSelector _labels;
    private readonly FieldSelector _fields;
    private readonly KindBehavior _behavior;
    private readonly ResourceInfo _resource;
    private readonly bool _byKey;

    private Selection(LabelSelector labels, FieldSelector fields, KindBehavior behavior, ResourceInfo resource)
    {
        (_labels, _fields, _behavior, _resource) = (labels, fields, behavior, resource);
        _byKey = fields.Requirements.All(r => r.Field is "metadata.name" or "metadata.namespace");
    }

    /// <summary>Whether all objects are wanted, so that none needs to be looked into.</summary>
    public bool IsEverything => _labels.IsEmpty && _fields.IsEmpty;

    /// <exception cref="ApiErrorException">400: a selector that can't be understood, or a field that can't be selected by.</exception>
    public static Selection Of(ResourceInfo resource, RequestInfo info, IQueryCollection query)
    {
        if (!LabelSelector.TryParse(query["labelSelector"].ToString(), out var labels, out var error))
        {
            throw new ApiErrorException(ApiErrors.BadRequest(error));
        }

        var text = query["fieldSelector"].ToString();
        if (info.Name.Length > 0)
        {
            text = text.Length == 0 ? $"metadata.name={info.Name}" : $"{text},metadata.name={info.Name}";
        }

        if (!FieldSelector.TryParse(text, out var fields, out error))
        {
            throw new ApiErrorException(ApiErrors.BadRequest(error));
        }

        var behavior = KindRegistry.BehaviorFor(StorageVersions.Of(resource));
        foreach (var requirement in fields.Requirements)
        {
            if (requirement.Field is not ("metadata.name" or "metadata.namespace") && !behavior.SelectableFields.Contains(StorageVersions.FieldOf(resource, requirement.Field), StringComparer.Ordinal))
            {
                throw new ApiErrorException(ApiErrors.BadRequest($"Unable to find \"{resource.ApiVersion}, Resource={resource.Plural}\" that match label selector \"{query["labelSelector"]}\", field selector \"{text}\": field label not supported: {requirement.Field}"));
            }
        }

        return new Selection(labels, fields, behavior, resource);
    }

    /// <summary>Whether a stored object is wanted; it is parsed only when the selectors look further than its name and labels.</summary>
    public bool Matches(Entry entry)
    {
        if (!_byKey)
        {
            return Matches(ObjectCodec.Stored(entry.Value));
        }

        return _fields.Matches(field => KeyPart(entry.Key, field)) && (_labels.IsEmpty || _labels.Matches(StoredLabels.Read(entry.Value.Span)));
    }

    /// <summary>Name or namespace: the last parts of the key.</summary>
    private string KeyPart(string key, string field)
    {
        var name = key.LastIndexOf('/');
        return field == "metadata.name" ? key[(name + 1)..]
            : !_resource.Namespaced ? ""
            : key[(key.LastIndexOf('/', name - 1) + 1)..name];
    }

    public bool Matches(JsonObject obj)
    {
        var metadata = obj.Obj("metadata");
        return _labels.Matches(metadata.Obj("labels")) && _fields.Matches(field => field switch
        {
            "metadata.name" => metadata.Str("name"),
            "metadata.namespace" => metadata.Str("namespace"),
            _ => Value(obj, field),
        });
    }

    private string Value(JsonObject obj, string field)
    {
        var stored = StorageVersions.FieldOf(_resource, field);
        var value = _behavior.SelectableField(obj, stored);

        // The object may have been translated already.
        return value.Length > 0 || stored == field ? value : field.Split('.').Aggregate((JsonNode?)obj, (at, part) => (at as JsonObject)?[part]).Text();
    }
}
