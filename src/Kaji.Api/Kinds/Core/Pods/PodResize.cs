using System.Text.Json.Nodes;
using Kaji.Api.Errors;

namespace Kaji.Api.Kinds.Core.Pods;

/// <summary>
/// <c>pods/resize</c>: other requests and limits for containers that run. Nothing else of the Pod is taken over; the node then does it, or says why not in the condition
/// PodResizePending. https://kubernetes.io/docs/tasks/configure-pod-container/resize-container-resources/
/// </summary>
internal static class PodResize
{
    public static void Prepare(JsonObject obj, JsonObject old)
    {
        var wanted = obj.Obj("spec");
        var spec = old.Obj("spec")?.DeepClone() as JsonObject ?? [];
        foreach (var list in (ReadOnlySpan<string>)["containers", "initContainers"])
        {
            foreach (var container in spec.Items(list))
            {
                if (wanted.Items(list).FirstOrDefault(c => c.Str("name") == container.Str("name")) is not { } asked)
                {
                    continue;
                }

                container.CarryOver(asked, "resources");
                container.CarryOver(asked, "resizePolicy");
            }
        }

        var metadata = (JsonObject)old.Obj("metadata")!.DeepClone();
        metadata.CarryOver(obj.Obj("metadata") ?? [], "managedFields");
        metadata.CarryOver(obj.Obj("metadata") ?? [], "resourceVersion");
        obj["metadata"] = metadata;
        obj["spec"] = spec;
        obj["status"] = old["status"]?.DeepClone();
        PodDefaults.Default(spec);
    }

    public static void Validate(JsonObject obj, JsonObject old, ICollection<FieldError> errors)
    {
        var (spec, before) = (obj.Obj("spec") ?? [], old.Obj("spec") ?? []);
        if (old.Obj("metadata").Obj("annotations")?.ContainsKey("kubernetes.io/config.mirror") == true)
        {
            errors.Forbidden("", "static pods cannot be resized");
        }

        if (before.Obj("os").Str("name") == "windows")
        {
            errors.Forbidden("", "windows pods cannot be resized");
        }

        if (PodKind.QosClass(spec) != PodKind.QosClass(before))
        {
            errors.Invalid("spec", PodKind.QosClass(spec), "Pod QOS Class may not change as a result of resizing");
        }

        foreach (var list in (ReadOnlySpan<string>)["containers", "initContainers"])
        {
            var olds = before.Items(list).ToArray();
            foreach (var container in new Fields(spec, "spec", errors).Items(list))
            {
                var was = olds.FirstOrDefault(c => c.Str("name") == container.Str("name")).Obj("resources");
                var resources = container.Of("resources");
                if (list == "initContainers" && container.Str("restartPolicy") != "Always" && !JsonNode.DeepEquals(resources.Object, was ?? []))
                {
                    container.Forbidden("resources", "resources for non-sidecar init containers cannot be changed");
                    continue;
                }

                Amounts(resources, was);
            }
        }
    }

    private static void Amounts(Fields resources, JsonObject? was)
    {
        foreach (var list in (ReadOnlySpan<string>)["limits", "requests"])
        {
            var (now, before) = (resources.Object.Obj(list) ?? [], was.Obj(list) ?? []);
            foreach (var (name, value) in before)
            {
                if (name is not ("cpu" or "memory"))
                {
                    if (now[name].Text() != value.Text())
                    {
                        resources.Errors.Forbidden("spec", "only cpu and memory resources are mutable");
                    }
                }
                else if (now[name] is null)
                {
                    resources.Forbidden(list, $"resource {list} cannot be removed");
                }
            }

            if (now.Any(p => p.Key is not ("cpu" or "memory") && !before.ContainsKey(p.Key)))
            {
                resources.Errors.Forbidden("spec", "only cpu and memory resources are mutable");
            }
        }

        if (!JsonNode.DeepEquals(resources.Object["claims"], was?["claims"]))
        {
            resources.Errors.Forbidden("spec", "only cpu and memory resources are mutable");
        }
    }
}
