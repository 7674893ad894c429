using System.Text.Json.Nodes;
using Kaji.Api.Kinds;
using Kaji.ApiServer.Authentication;
using Kaji.ApiServer.Registry;

namespace Kaji.ApiServer.Admission.Matching;

/// <summary>
/// A request as webhooks and policies are shown it: in the version they asked for, with the kind of the subresource (a Scale, an Eviction, exec options). What they change
/// is carried back by <see cref="Take"/>.
/// </summary>
internal sealed class AdmissionView
{
    private readonly AdmissionRequest _request;
    private readonly ResourceInfo _resource;
    private readonly IObjectRegistry _objects;

    public AdmissionView(AdmissionRequest request, ResourceInfo resource, IObjectRegistry objects)
    {
        (_request, _resource, _objects) = (request, resource, objects);
        Operation = OperationOf(request);
        Object = Shown(request.Object);
        OldObject = request.Subresource is "binding" ? null : Shown(request.OldObject);
    }

    public string Operation { get; }

    public JsonObject? Object { get; private set; }

    public JsonObject? OldObject { get; }

    public ResourceInfo Resource => _resource;

    /// <summary>As clients know the operation: a binding is created, though it changes a Pod.</summary>
    public static string OperationOf(AdmissionRequest request) => request.Subresource == "binding" ? "CREATE" : request.Operation;

    /// <summary>The <c>request</c> of an AdmissionReview, and of expressions, without the objects.</summary>
    public JsonObject ToRequest()
    {
        var json = new JsonObject
        {
            ["uid"] = Guid.NewGuid().ToString(),
            ["kind"] = Kind(_resource),
            ["resource"] = Resource3(_resource),
        };
        Optional(json, "subResource", _request.Subresource);
        json["requestKind"] = Kind(_request.Requested);
        json["requestResource"] = Resource3(_request.Requested);
        Optional(json, "requestSubResource", _request.Subresource);
        Optional(json, "name", _request.Name);
        Optional(json, "namespace", _request.Resource is { Group: "", Plural: "namespaces" } ? _request.Name : _request.Namespace);
        json["operation"] = Operation;
        json["userInfo"] = User(_request.User);
        json["dryRun"] = _request.DryRun;
        json["options"] = _request.Options?.DeepClone();
        return json;
    }

    /// <summary>Takes a changed object for the request's.</summary>
    public void Take(JsonObject changed)
    {
        switch (_request.Subresource)
        {
            case "scale":
                var before = _request.Object.Obj("metadata")?["resourceVersion"]?.DeepClone();
                ScaleView.Apply(_request.Object!, changed, _request.Resource);
                _request.Object!.Ensure("metadata")["resourceVersion"] = before;
                if (before is null)
                {
                    _request.Object.Obj("metadata")!.Remove("resourceVersion");
                }

                break;
            case "binding":
                break;
            default:
                _request.Replace(_objects.Convert(_resource, _request.Resource, changed));
                _request.Normalize?.Invoke(_request.Object!);
                break;
        }

        Object = Shown(_request.Object);
    }

    private JsonObject? Shown(JsonObject? obj)
    {
        if (obj is null || _request.Operation == "CONNECT")
        {
            return obj;
        }

        return _request.Subresource switch
        {
            "scale" => ScaleView.Of(obj, _request.Resource),
            "binding" => Binding(obj),
            _ => ReferenceEquals(_resource, _request.Resource) || _resource.ApiVersion == _request.Resource.ApiVersion ? obj : _objects.Convert(_request.Resource, _resource, (JsonObject)obj.DeepClone()),
        };
    }

    private JsonObject Binding(JsonObject pod) => new()
    {
        ["kind"] = "Binding", ["apiVersion"] = "v1", ["metadata"] = new JsonObject { ["name"] = _request.Name, ["namespace"] = _request.Namespace },
        ["target"] = new JsonObject { ["kind"] = "Node", ["name"] = pod.Obj("spec").Str("nodeName") },
    };

    private JsonObject Kind(ResourceInfo resource)
    {
        var (group, version, kind) = (resource.Group, resource.Version, resource.Kind);
        if (_request.Operation == "CONNECT")
        {
            kind = _request.Object.Str("kind");
        }
        else if (resource.Subresources.FirstOrDefault(s => s.Name == _request.Subresource) is { } sub)
        {
            kind = sub.Kind;
            if (sub.KindApiVersion?.Split('/') is [var g, var v])
            {
                (group, version) = (g, v);
            }
        }

        return new JsonObject { ["group"] = group, ["version"] = version, ["kind"] = kind };
    }

    private static JsonObject Resource3(ResourceInfo resource) => new() { ["group"] = resource.Group, ["version"] = resource.Version, ["resource"] = resource.Plural };

    private static JsonObject User(UserInfo user)
    {
        var json = new JsonObject { ["username"] = user.Name };
        Optional(json, "uid", user.Uid);
        json["groups"] = new JsonArray([.. user.Groups.Select(g => (JsonNode)g)]);
        if (user.Extra.Count > 0)
        {
            json["extra"] = new JsonObject(user.Extra.Select(e => KeyValuePair.Create(e.Key, (JsonNode?)new JsonArray([.. e.Value.Select(v => (JsonNode)v)]))));
        }

        return json;
    }

    private static void Optional(JsonObject json, string field, string value)
    {
        if (value.Length > 0)
        {
            json[field] = value;
        }
    }
}
