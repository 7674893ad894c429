using System.Text.Json.Nodes;
using Kaji.Api.Errors;
using Kaji.Api.Kinds.Core;
using Kaji.Api.Kinds.Core.Pods;
using Kaji.Api.Selectors;

namespace Kaji.Api.Kinds.Apps;

/// <summary>What kinds with a selector and a Pod template share.</summary>
internal static class WorkloadRules
{
    private const string NotAboveReplicas = "cannot be greater than status.replicas";

    public static void Default(JsonObject spec) => PodSpecRules.Default(spec.Ensure("template").Ensure("spec"));

    /// <summary>The object's spec as fields.</summary>
    public static Fields Spec(JsonObject obj, ICollection<FieldError> errors) => new(obj.Obj("spec") ?? [], "spec", errors);

    /// <summary>The selector: there, not empty, and matching the template.</summary>
    public static void Selector(Fields spec, string emptyMessage)
    {
        var template = spec.Of("template");
        if (spec.Sub("selector") is not { } selector)
        {
            spec.Required("selector");
            return;
        }

        var before = spec.Errors.Count;
        spec.Selector("selector");
        if (!selector.HasAny("matchLabels") && !selector.HasAny("matchExpressions"))
        {
            spec.Invalid("selector", selector.Object, emptyMessage);
        }
        else if (spec.Errors.Count == before && !LabelSelector.FromObject(selector.Object).Matches(template.Object.Obj("metadata").Obj("labels")))
        {
            template.Of("metadata").Invalid("labels", template.Object.Obj("metadata").Obj("labels") ?? [], "`selector` does not match template `labels`");
        }
    }

    /// <summary>A template whose Pods run for good.</summary>
    public static void Template(Fields spec, string kind)
    {
        var template = spec.Of("template");
        PodSpecRules.ValidateTemplate(template);
        RunsForGood(template.Of("spec"), kind);
    }

    public static void RunsForGood(Fields podSpec, string kind)
    {
        podSpec.OneOf("restartPolicy", "Always");
        if (podSpec.Has("activeDeadlineSeconds"))
        {
            podSpec.Forbidden("activeDeadlineSeconds", $"activeDeadlineSeconds in {kind} is not Supported");
        }
    }

    /// <summary>Counts of a status: none negative, none above the number of replicas.</summary>
    public static void Status(JsonObject obj, ICollection<FieldError> errors, params ReadOnlySpan<string> counts)
    {
        var status = new Fields(obj.Obj("status") ?? [], "status", errors);
        status.NonNegative("replicas", "observedGeneration", "collisionCount");
        status.NonNegative(counts);
        foreach (var count in counts)
        {
            if (status.Int(count) > (status.Int("replicas") ?? 0))
            {
                status.Invalid(count, status.Int(count), NotAboveReplicas);
            }
        }

        if (status.Int("availableReplicas") > (status.Int("readyReplicas") ?? 0))
        {
            status.Invalid("availableReplicas", status.Int("availableReplicas"), "cannot be greater than readyReplicas");
        }
    }

    public static void Collisions(JsonObject obj, JsonObject old, ICollection<FieldError> errors)
    {
        var (now, before) = (obj.Obj("status").Int("collisionCount"), old.Obj("status").Int("collisionCount"));
        if (before is not null && (now ?? -1) < before)
        {
            errors.Invalid("status.collisionCount", now ?? 0, "cannot be decremented");
        }
    }

    public static void SelectorImmutable(JsonObject obj, JsonObject old, ICollection<FieldError> errors) => Spec(obj, errors).Same("selector", old.Obj("spec"));

    /// <summary>What to say of the template.</summary>
    public static void Warn(JsonObject obj, JsonObject? old, Action<string> warn)
    {
        // Kubernetes speaks when the template is new or has changed.
        if (old is null || obj.Obj("metadata").Int("generation") != old.Obj("metadata").Int("generation"))
        {
            PodWarnings.Of(obj.Obj("spec").Obj("template"), "spec.template", warn);
        }
    }
}
