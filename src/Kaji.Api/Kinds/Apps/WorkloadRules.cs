using System.Text.Json.Nodes;
using Kaji.Api.Errors;
using Kaji.Api.Kinds.Core;
using Kaji.Api.Selectors;

namespace Kaji.Api.Kinds.Apps;

/// <summary>What kinds with a selector and a Pod template share.</summary>
internal static class WorkloadRules
{
    public static void Default(JsonObject spec) => PodSpecRules.Default(spec.Ensure("template").Ensure("spec"));

    public static void Validate(JsonObject obj, ICollection<FieldError> errors, bool alwaysRestart = true)
    {
        var spec = obj.Obj("spec") ?? [];
        var template = spec.Obj("template") ?? [];
        if (spec.Int("replicas") is < 0)
        {
            errors.Invalid("spec.replicas", spec.Int("replicas"), "must be greater than or equal to 0");
        }

        if (spec.Int("minReadySeconds") is < 0)
        {
            errors.Invalid("spec.minReadySeconds", spec.Int("minReadySeconds"), "must be greater than or equal to 0");
        }

        if (spec.Obj("selector") is not { Count: > 0 } selector)
        {
            errors.Required("spec.selector");
        }
        else if (LabelSelector.FromObject(selector) is { IsEmpty: true })
        {
            errors.Invalid("spec.selector", "{}", "empty selector is invalid for deployment");
        }
        else if (!LabelSelector.FromObject(selector).Matches(template.Obj("metadata").Obj("labels")))
        {
            errors.Invalid("spec.template.metadata.labels", (template.Obj("metadata").Obj("labels") ?? []).ToJsonString(), "`selector` does not match template `labels`");
        }

        PodSpecRules.Labels(template.Obj("metadata").Obj("labels"), "spec.template.labels", errors);
        PodSpecRules.Validate(template.Obj("spec") ?? [], "spec.template.spec", errors);
        if (alwaysRestart && template.Obj("spec").Str("restartPolicy") is { Length: > 0 } policy and not "Always")
        {
            errors.NotSupported("spec.template.spec.restartPolicy", policy, ["Always"]);
        }
    }

    public static void SelectorImmutable(JsonObject obj, JsonObject old, ICollection<FieldError> errors)
    {
        if (!JsonNode.DeepEquals(obj.Obj("spec")?["selector"], old.Obj("spec")?["selector"]))
        {
            errors.Invalid("spec.selector", obj.Obj("spec")?["selector"]?.ToJsonString(), "field is immutable");
        }
    }

    /// <summary>An IntOrString that is a number ≥ 0 or a percentage.</summary>
    public static void Share(JsonNode? node, string path, ICollection<FieldError> errors)
    {
        var text = node.Text();
        if (text.Length == 0)
        {
            return;
        }

        if (long.TryParse(text, out var number))
        {
            if (number < 0)
            {
                errors.Invalid(path, number, "must be greater than or equal to 0");
            }
        }
        else if (!text.EndsWith('%') || !int.TryParse(text.AsSpan(0, text.Length - 1), out var percent) || percent < 0)
        {
            errors.Invalid(path, text, "a valid percent string must be a numeric string followed by an ending '%' (e.g. '1%',  or '93%', regex used for validation is '[0-9]+%')");
        }
    }
}
