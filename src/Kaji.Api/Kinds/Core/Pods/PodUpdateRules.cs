using System.Text.Json.Nodes;
using Kaji.Api.Errors;

namespace Kaji.Api.Kinds.Core.Pods;

/// <summary>What of a Pod's spec may change, and how: images, fewer seconds, more tolerations, fewer gates; while gated also where it may run.</summary>
internal static class PodUpdateRules
{
    private const string OnlyThese =
        "pod updates may not change fields other than `spec.containers[*].image`,`spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to existing tolerations),`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)";

    public static void Validate(JsonObject spec, JsonObject old, ICollection<FieldError> errors)
    {
        foreach (var list in (ReadOnlySpan<string>)["containers", "initContainers"])
        {
            if (spec.Items(list).Count() != old.Items(list).Count())
            {
                errors.Forbidden($"spec.{list}", "pod updates may not add or remove containers");
                return;
            }
        }

        Deadline(spec.Int("activeDeadlineSeconds"), old.Int("activeDeadlineSeconds"), errors);
        Tolerations(spec, old, errors);
        var gated = old.Items("schedulingGates").Any();
        Gates(spec, old, errors);
        if (gated)
        {
            NodeSelector(spec, old, errors);
        }

        if (!JsonNode.DeepEquals(Fixed(spec, gated), Fixed(old, gated)))
        {
            errors.Forbidden("spec", OnlyThese);
        }
    }

    /// <summary>On <c>/ephemeralcontainers</c>: containers are only added.</summary>
    public static void ValidateEphemeral(JsonObject spec, JsonObject old, ICollection<FieldError> errors)
    {
        var now = spec.Items("ephemeralContainers").ToDictionary(c => c.Str("name"), StringComparer.Ordinal);
        foreach (var before in old.Items("ephemeralContainers"))
        {
            if (!now.TryGetValue(before.Str("name"), out var same))
            {
                errors.Forbidden("spec.ephemeralContainers", $"existing ephemeral containers \"{before.Str("name")}\" may not be removed");
            }
            else if (!JsonNode.DeepEquals(same, before))
            {
                errors.Forbidden("spec.ephemeralContainers", $"existing ephemeral containers \"{before.Str("name")}\" may not be changed");
            }
        }
    }

    private static void Deadline(long? now, long? before, ICollection<FieldError> errors)
    {
        if (before is { } limit && now is null)
        {
            errors.Invalid("spec.activeDeadlineSeconds", now, "must not update from a positive integer to nil value");
        }
        else if (now > before)
        {
            errors.Invalid("spec.activeDeadlineSeconds", now, "must be less than or equal to previous value");
        }
    }

    private static void Tolerations(JsonObject spec, JsonObject old, ICollection<FieldError> errors)
    {
        var now = spec.Items("tolerations").Select(WithoutSeconds).ToArray();
        if (old.Items("tolerations").Select(WithoutSeconds).Any(before => !now.Any(t => JsonNode.DeepEquals(t, before))))
        {
            errors.Forbidden("spec.tolerations", "existing toleration can not be modified except its tolerationSeconds");
        }
    }

    private static JsonObject WithoutSeconds(JsonObject toleration)
    {
        var copy = (JsonObject)toleration.DeepClone();
        copy.Remove("tolerationSeconds");
        return copy;
    }

    private static void Gates(JsonObject spec, JsonObject old, ICollection<FieldError> errors)
    {
        var before = old.Items("schedulingGates").Select(g => g.Str("name")).ToHashSet(StringComparer.Ordinal);
        foreach (var gate in spec.Items("schedulingGates").Select(g => g.Str("name")).Where(g => !before.Contains(g)))
        {
            errors.Forbidden("spec.schedulingGates", $"only deletion is allowed, but found new scheduling gate '{gate}'");
        }
    }

    private static void NodeSelector(JsonObject spec, JsonObject old, ICollection<FieldError> errors)
    {
        if (old.Obj("nodeSelector") is { } before && before.Any(p => spec.Obj("nodeSelector")?[p.Key].Text() != p.Value.Text()))
        {
            errors.Invalid("spec.nodeSelector", spec["nodeSelector"]?.ToJsonString() ?? "null", "only additions to spec.nodeSelector are allowed (no mutations or deletions)");
        }
    }

    /// <summary>The spec without what other rules speak of.</summary>
    private static JsonObject Fixed(JsonObject spec, bool gated)
    {
        var copy = (JsonObject)spec.DeepClone();
        foreach (var container in copy.Items("containers").Concat(copy.Items("initContainers")))
        {
            container.Remove("image");
        }

        foreach (var field in (ReadOnlySpan<string>)["activeDeadlineSeconds", "tolerations", "schedulingGates"])
        {
            copy.Remove(field);
        }

        if (gated)
        {
            copy.Remove("nodeSelector");
            copy.Remove("affinity");
        }

        if (copy.Int("terminationGracePeriodSeconds") is < 0 or 1)
        {
            copy["terminationGracePeriodSeconds"] = 1;
        }

        return copy;
    }
}
