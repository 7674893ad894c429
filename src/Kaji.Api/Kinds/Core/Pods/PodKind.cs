using System.Text.Json.Nodes;
using Kaji.Api.Errors;
using Kaji.Api.Metadata;

namespace Kaji.Api.Kinds.Core.Pods;

/// <summary>Pod: https://kubernetes.io/docs/reference/kubernetes-api/workload-resources/pod-v1/</summary>
internal sealed class PodKind : StatusKind
{
    public override IReadOnlyList<string> SelectableFields =>
        ["spec.nodeName", "spec.restartPolicy", "spec.schedulerName", "spec.serviceAccountName", "spec.hostNetwork", "status.phase", "status.podIP", "status.nominatedNodeName"];

    public override void Default(JsonObject obj)
    {
        var spec = obj.Ensure("spec");
        PodSpecRules.Default(spec);
        spec.Default("enableServiceLinks", true);
    }

    public override void PrepareForCreate(JsonObject obj) =>
        obj["status"] = new JsonObject { ["phase"] = "Pending", ["qosClass"] = QosClass(obj.Obj("spec")!) };

    public override void Validate(JsonObject obj, ICollection<FieldError> errors)
    {
        if (obj.Obj("spec") is { } spec)
        {
            PodSpecRules.Validate(spec, "spec", errors);
        }
    }

    public override void ValidateCreate(JsonObject obj, ICollection<FieldError> errors)
    {
        var spec = obj.Obj("spec");
        if (spec.Items("ephemeralContainers").Any())
        {
            errors.Forbidden("spec.ephemeralContainers", "cannot be set on create");
        }

        if (spec.Str("nodeName").Length > 0 && spec.Items("schedulingGates").Any())
        {
            errors.Forbidden("spec.nodeName", "cannot be set until all schedulingGates have been cleared");
        }
    }

    public override void Warn(JsonObject obj, JsonObject? old, Action<string> warn)
    {
        PodWarnings.Of(obj, "", warn);
        if (old is null)
        {
            PodWarnings.Name(obj, warn);
        }
    }

    public override void ValidateUpdate(JsonObject obj, JsonObject old, ICollection<FieldError> errors) => PodUpdateRules.Validate(obj.Ensure("spec"), old.Ensure("spec"), errors);

    public override void PrepareForSubresource(string subresource, JsonObject obj, JsonObject old)
    {
        if (subresource == "ephemeralcontainers")
        {
            var added = obj.Obj("spec")?["ephemeralContainers"]?.DeepClone();
            obj["spec"] = old["spec"]?.DeepClone();
            obj["status"] = old["status"]?.DeepClone();
            obj.Ensure("spec")["ephemeralContainers"] = added;
            PodSpecRules.Default(obj.Ensure("spec"));
        }
        else if (subresource == "resize")
        {
            PodResize.Prepare(obj, old);
        }
    }

    public override void ValidateSubresource(string subresource, JsonObject obj, JsonObject old, ICollection<FieldError> errors)
    {
        if (subresource == "ephemeralcontainers")
        {
            PodUpdateRules.ValidateEphemeral(obj.Ensure("spec"), old.Ensure("spec"), errors);
        }
        else if (subresource == "resize")
        {
            PodResize.Validate(obj, old, errors);
        }
    }

    public override long? DefaultGracePeriodSeconds(JsonObject obj) => obj.Obj("spec").Int("terminationGracePeriodSeconds") ?? 30;

    public override string SelectableField(JsonObject obj, string field) => field switch
    {
        "spec.hostNetwork" => obj.Obj("spec").Bool("hostNetwork") == true ? "true" : "false",
        _ when field.StartsWith("spec.", StringComparison.Ordinal) => obj.Obj("spec").Str(field["spec.".Length..]),
        _ => obj.Obj("status").Str(field["status.".Length..]),
    };

    /// <summary>Guaranteed, Burstable or BestEffort, by the requests and limits of cpu and memory.</summary>
    public static string QosClass(JsonObject spec)
    {
        if (spec.Obj("resources") is { Count: > 0 } whole)
        {
            return Class([whole]);
        }

        return Class(spec.Items("initContainers").Concat(spec.Items("containers")).Select(c => c.Obj("resources")));
    }

    private static string Class(IEnumerable<JsonObject?> all)
    {
        var any = false;
        var guaranteed = true;
        foreach (var resources in all)
        {
            foreach (var name in (ReadOnlySpan<string>)["cpu", "memory"])
            {
                var request = resources.Obj("requests")?[name];
                var limit = resources.Obj("limits")?[name];
                any |= request is not null || limit is not null;
                guaranteed &= limit is not null && request is not null
                    && Quantity.TryParse(limit.Text(), out var most) && Quantity.TryParse(request.Text(), out var least) && most == least && most.Sign > 0;
            }
        }

        return !any ? "BestEffort" : guaranteed ? "Guaranteed" : "Burstable";
    }
}
