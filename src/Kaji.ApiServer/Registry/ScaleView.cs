using System.Text.Json.Nodes;
using Kaji.Api;
using Kaji.Api.CustomResources;
using Kaji.Api.Errors;
using Kaji.Api.Kinds;

namespace Kaji.ApiServer.Registry;

/// <summary>The <c>scale</c> subresource: autoscaling/v1 Scale over a workload's replicas.</summary>
internal static class ScaleView
{
    /// <exception cref="ApiErrorException">500: a custom object without the field that its replicas are in.</exception>
    public static JsonObject Of(JsonObject workload, ResourceInfo resource)
    {
        if (resource.Custom?.Scale is { } paths)
        {
            return Of(workload, paths);
        }

        var metadata = workload.Obj("metadata");
        var scale = new JsonObject
        {
            ["kind"] = "Scale",
            ["apiVersion"] = "autoscaling/v1",
            ["metadata"] = new JsonObject
            {
                ["name"] = metadata.Str("name"), ["namespace"] = metadata.Str("namespace"), ["uid"] = metadata.Str("uid"),
                ["resourceVersion"] = metadata.Str("resourceVersion"), ["creationTimestamp"] = metadata.Str("creationTimestamp"),
            },
            ["spec"] = new JsonObject { ["replicas"] = workload.Obj("spec").Int("replicas") ?? 1 },
            ["status"] = new JsonObject { ["replicas"] = workload.Obj("status").Int("replicas") ?? 0 },
        };
        if (Selector(workload.Obj("spec").Obj("selector")) is { Length: > 0 } selector)
        {
            scale["status"]!["selector"] = selector;
        }

        return scale;
    }

    /// <summary>Carries a Scale's wish into the workload.</summary>
    public static void Apply(JsonObject workload, JsonObject scale, ResourceInfo resource)
    {
        var replicas = scale.Obj("spec").Int("replicas") ?? 0;
        if (resource.Custom?.Scale is { } paths)
        {
            CheckCustom(resource, scale, replicas);
            paths.Spec.Set(workload, replicas);
        }
        else
        {
            workload.Ensure("spec")["replicas"] = replicas;
        }

        var revision = scale.Obj("metadata").Str("resourceVersion");
        if (revision.Length > 0)
        {
            workload.Ensure("metadata")["resourceVersion"] = revision;
        }
    }

    private static JsonObject Of(JsonObject obj, ScalePaths paths)
    {
        var metadata = obj.Obj("metadata");
        if (Whole(paths.Spec.Find(obj)) is not { } replicas)
        {
            throw new ApiErrorException(ApiErrors.Internal($"the spec replicas field \"{paths.Spec.Text}\" does not exist"));
        }

        var identity = new JsonObject { ["name"] = metadata.Str("name") };
        foreach (var field in (ReadOnlySpan<string>)["namespace", "uid", "resourceVersion", "creationTimestamp"])
        {
            if (metadata.Str(field) is { Length: > 0 } value)
            {
                identity[field] = value;
            }
        }

        var scale = new JsonObject
        {
            ["kind"] = "Scale", ["apiVersion"] = "autoscaling/v1", ["metadata"] = identity, ["spec"] = new JsonObject { ["replicas"] = replicas },
            ["status"] = new JsonObject { ["replicas"] = Whole(paths.Status.Find(obj)) ?? 0 },
        };
        if (paths.Selector?.Find(obj).Text() is { Length: > 0 } selector)
        {
            scale["status"]!["selector"] = selector;
        }

        return scale;
    }

    private static long? Whole(JsonNode? node) => node is JsonValue value && value.TryGetValue<long>(out var number) ? number : node is JsonValue other && other.TryGetValue<int>(out var small) ? small : null;

    private static void CheckCustom(ResourceInfo resource, JsonObject scale, long replicas)
    {
        if (scale.Str("kind") is { Length: > 0 } kind && (kind != "Scale" || scale.Str("apiVersion") != "autoscaling/v1"))
        {
            throw new ApiErrorException(ApiErrors.BadRequest($"the API version in the data ({scale.Str("apiVersion")}) does not match the expected API version (autoscaling/v1)"));
        }

        if (replicas < 0)
        {
            var errors = new List<FieldError>();
            errors.Invalid("spec.replicas", replicas, "should be a non-negative integer");
            throw new ApiErrorException(ApiErrors.Invalid(resource.Group, resource.Kind, scale.Obj("metadata").Str("name"), errors));
        }
    }

    private static string Selector(JsonObject? selector)
    {
        var labels = selector.Obj("matchLabels") ?? (selector?["matchExpressions"] is null ? selector : null) ?? [];
        return string.Join(",", labels.Select(p => $"{p.Key}={p.Value.Text()}"));
    }
}
