using System.Text.Json.Nodes;
using Kaji.Api;
using Kaji.Api.Errors;
using Kaji.Api.Kinds;
using Kaji.ApiServer.Registry;

namespace Kaji.ApiServer.Admission.Limits;

/// <summary>
/// LimitRanger: containers get a namespace's default requests and limits; Pods, containers and claims outside its bounds are refused.
/// https://kubernetes.io/docs/concepts/policy/limit-range/
/// </summary>
public sealed class LimitRanger : IAdmissionPlugin
{
    private const string Annotation = "kubernetes.io/limit-ranger";
    private static readonly ResourceInfo LimitRanges = BuiltInResources.Find("", "v1", "limitranges")!;

    public IObjectRegistry? Objects { get; set; }

    public string Name => "LimitRanger";

    public bool Reinvocable => true;

    public ValueTask<ApiError?> MutateAsync(AdmissionRequest request, CancellationToken cancellationToken)
    {
        if (request is { Operation: "CREATE", Resource: { Group: "", Plural: "pods" }, Subresource: "", Object: { } pod })
        {
            foreach (var range in Objects!.List(LimitRanges, request.Namespace))
            {
                Fill(pod, range);
            }
        }

        return ValueTask.FromResult<ApiError?>(null);
    }

    public ValueTask<ApiError?> ValidateAsync(AdmissionRequest request, CancellationToken cancellationToken)
    {
        var (pod, claim) = (request.Resource is { Group: "", Plural: "pods" }, request.Resource is { Group: "", Plural: "persistentvolumeclaims" });
        var concerned = request.Operation switch
        {
            "CREATE" => (pod || claim) && request.Subresource.Length == 0,
            "UPDATE" => (pod && request.Subresource == "resize") || (claim && request.Subresource.Length == 0),
            _ => false,
        };
        if (!concerned || request.Object is not { } obj || obj.Obj("metadata")?["deletionTimestamp"] is not null)
        {
            return ValueTask.FromResult<ApiError?>(null);
        }

        foreach (var range in Objects!.List(LimitRanges, request.Namespace))
        {
            var wrong = pod ? LimitRules.OfPod(obj, range) : LimitRules.OfClaim(obj, range);
            if (wrong.Count > 0)
            {
                var all = wrong.Distinct(StringComparer.Ordinal).ToArray();
                return ValueTask.FromResult<ApiError?>(ApiErrors.Forbidden(request.Resource, request.Name, all.Length == 1 ? all[0] : $"[{string.Join(", ", all)}]"));
            }
        }

        return ValueTask.FromResult<ApiError?>(null);
    }

    /// <summary>Gives containers what they don't say, and says so in an annotation.</summary>
    private static void Fill(JsonObject pod, JsonObject range)
    {
        var (requests, limits) = (new JsonObject(), new JsonObject());
        foreach (var item in range.Obj("spec").Items("limits").Where(i => i.Str("type") == "Container"))
        {
            Merge(requests, item.Obj("defaultRequest"));
            Merge(limits, item.Obj("default"));
        }

        var said = new List<string>();
        foreach (var (list, what) in (ReadOnlySpan<(string, string)>)[("containers", "container"), ("initContainers", "init container")])
        {
            foreach (var container in pod.Obj("spec").Items(list))
            {
                var resources = container.Ensure("resources");
                foreach (var (field, defaults, label) in (ReadOnlySpan<(string, JsonObject, string)>)[("requests", requests, "request"), ("limits", limits, "limit")])
                {
                    var set = defaults.Where(d => resources.Obj(field)?.ContainsKey(d.Key) != true).Select(d => d.Key).Order(StringComparer.Ordinal).ToArray();
                    foreach (var name in set)
                    {
                        resources.Ensure(field)[name] = defaults[name]!.DeepClone();
                    }

                    if (set.Length > 0)
                    {
                        said.Add($"{string.Join(", ", set)} {label} for {what} {container.Str("name")}");
                    }
                }
            }
        }

        if (said.Count > 0)
        {
            pod.Ensure("metadata").Ensure("annotations")[Annotation] = "LimitRanger plugin set: " + string.Join("; ", said);
        }
    }

    private static void Merge(JsonObject into, JsonObject? defaults)
    {
        foreach (var (name, amount) in defaults ?? [])
        {
            into[name] = amount?.DeepClone();
        }
    }
}
