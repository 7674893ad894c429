using System.Text.Json.Nodes;
using Kaji.Api.Errors;
using Kaji.Api.Kinds.Core;
using Kaji.Api.Kinds.Core.Pods;
using Kaji.Api.Metadata;

namespace Kaji.Api.Kinds.Apps;

/// <summary>StatefulSet: https://kubernetes.io/docs/reference/kubernetes-api/workload-resources/stateful-set-v1/</summary>
internal sealed class StatefulSetKind : StatusKind
{
    private const string OnlyThese =
        "updates to statefulset spec for fields other than 'replicas', 'ordinals', 'template', 'updateStrategy', 'revisionHistoryLimit', 'persistentVolumeClaimRetentionPolicy' and 'minReadySeconds' are forbidden";

    private static readonly string[] Changeable = ["replicas", "ordinals", "template", "updateStrategy", "revisionHistoryLimit", "persistentVolumeClaimRetentionPolicy", "minReadySeconds"];

    public override void Default(JsonObject obj)
    {
        var spec = obj.Ensure("spec");
        spec.Default("replicas", 1);
        spec.Default("revisionHistoryLimit", 10);
        spec.Default("podManagementPolicy", "OrderedReady");
        var strategy = spec.Ensure("updateStrategy");
        strategy.Default("type", "RollingUpdate");
        if (strategy.Str("type") == "RollingUpdate")
        {
            strategy.Ensure("rollingUpdate").Default("partition", 0);
        }

        var retention = spec.Ensure("persistentVolumeClaimRetentionPolicy");
        retention.Default("whenDeleted", "Retain");
        retention.Default("whenScaled", "Retain");
        foreach (var claim in spec.Items("volumeClaimTemplates"))
        {
            claim.Default("apiVersion", "v1");
            claim.Default("kind", "PersistentVolumeClaim");
            claim.Ensure("spec").Default("volumeMode", "Filesystem");
            claim.Ensure("status").Default("phase", "Pending");
        }

        WorkloadRules.Default(spec);
    }

    public override void PrepareForCreate(JsonObject obj) => obj["status"] = new JsonObject { ["replicas"] = 0 };

    public override void Validate(JsonObject obj, ICollection<FieldError> errors)
    {
        var spec = WorkloadRules.Spec(obj, errors);
        if (spec.Present("podManagementPolicy") && spec.Str("podManagementPolicy") is not ("OrderedReady" or "Parallel"))
        {
            spec.Invalid("podManagementPolicy", spec.Str("podManagementPolicy"), "must be 'OrderedReady' or 'Parallel'");
        }

        Strategy(spec);
        var retention = spec.Of("persistentVolumeClaimRetentionPolicy");
        retention.OneOf("whenDeleted", "Retain", "Delete");
        retention.OneOf("whenScaled", "Retain", "Delete");
        spec.NonNegative("replicas", "minReadySeconds", "revisionHistoryLimit");
        spec.Of("ordinals").NonNegative("start");
        spec.Rule("serviceName", Names.Dns1123SubdomainErrors);
        WorkloadRules.Selector(spec, "empty selector is invalid for statefulset");

        // The Pod's volumes are the template's and those of the claims: together they are checked when a Pod is made.
        var template = spec.Of("template");
        template.Of("metadata").TemplateLabels(template);
        WorkloadRules.RunsForGood(template.Of("spec"), "StatefulSet");
    }

    public override void ValidateUpdate(JsonObject obj, JsonObject old, ICollection<FieldError> errors)
    {
        if (!JsonNode.DeepEquals(Fixed(obj), Fixed(old)))
        {
            errors.Forbidden("spec", OnlyThese);
        }
    }

    public override void ValidateStatusUpdate(JsonObject obj, JsonObject old, ICollection<FieldError> errors)
    {
        WorkloadRules.Status(obj, errors, "readyReplicas", "currentReplicas", "updatedReplicas", "availableReplicas");
        WorkloadRules.Collisions(obj, old, errors);
    }

    public override void Warn(JsonObject obj, JsonObject? old, Action<string> warn)
    {
        WorkloadRules.Warn(obj, old, warn);
        foreach (var claim in new Fields(obj.Obj("spec") ?? [], "spec", []).Items("volumeClaimTemplates"))
        {
            PodWarnings.Claim(claim.Of("spec"), warn);
        }
    }

    private static void Strategy(Fields spec)
    {
        var strategy = spec.Of("updateStrategy");
        switch (strategy.Str("type"))
        {
            case "":
                spec.Required("updateStrategy");
                break;
            case "OnDelete":
                if (strategy.Has("rollingUpdate"))
                {
                    strategy.Invalid("rollingUpdate", strategy.Object["rollingUpdate"], "only allowed for updateStrategy 'RollingUpdate'");
                }

                break;
            case "RollingUpdate":
                if (strategy.Sub("rollingUpdate") is { } rolling)
                {
                    rolling.NonNegative("partition");
                    rolling.Share("maxUnavailable", atMostAll: true);
                    if (rolling.Text("maxUnavailable") is "0" or "0%")
                    {
                        rolling.Invalid("maxUnavailable", rolling.Object["maxUnavailable"], "cannot be 0");
                    }
                }

                break;
            default:
                spec.Invalid("updateStrategy", strategy.Object, "must be 'RollingUpdate' or 'OnDelete'");
                break;
        }
    }

    private static JsonObject Fixed(JsonObject obj) =>
        new((obj.Obj("spec") ?? []).Where(p => !Changeable.Contains(p.Key, StringComparer.Ordinal)).Select(p => KeyValuePair.Create(p.Key, p.Value?.DeepClone())));
}
