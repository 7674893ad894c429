using System.Globalization;
using System.Text.Json.Nodes;
using Kaji.Api.Errors;
using Kaji.Api.Kinds.Core;
using Kaji.Api.Kinds.Core.Pods;
using Kaji.Api.Metadata;

namespace Kaji.Api.Kinds.Batch;

/// <summary>What a Job's spec may say, also as a CronJob's template.</summary>
internal static class JobRules
{
    private const int MaxIndexed = 100_000;
    private static readonly string[] Fixed = ["selector", "completionMode", "podFailurePolicy", "backoffLimitPerIndex", "managedBy", "successPolicy"];

    public static void Default(JsonObject spec)
    {
        // One Pod that has to succeed; with only parallelism given, a queue that its Pods empty.
        if (spec["completions"] is null && spec["parallelism"] is null)
        {
            spec["completions"] = 1;
            spec["parallelism"] = 1;
        }

        spec.Default("parallelism", 1);
        spec.Default("backoffLimit", spec["backoffLimitPerIndex"] is null ? 6 : int.MaxValue);
        spec.Default("completionMode", "NonIndexed");
        spec.Default("suspend", false);
        spec.Default("manualSelector", false);
        foreach (var rule in spec.Obj("podFailurePolicy").Items("rules"))
        {
            foreach (var condition in rule.Items("onPodConditions"))
            {
                condition.Default("status", "True");
            }
        }

        spec.Default("podReplacementPolicy", spec["podFailurePolicy"] is null ? "TerminatingOrFailed" : "Failed");
        PodSpecRules.Default(spec.Ensure("template").Ensure("spec"));
    }

    public static void Spec(Fields spec)
    {
        spec.NonNegative("parallelism", "completions", "activeDeadlineSeconds", "backoffLimit", "ttlSecondsAfterFinished", "backoffLimitPerIndex", "maxFailedIndexes");
        spec.OneOf("completionMode", "NonIndexed", "Indexed");
        var indexed = spec.Str("completionMode") == "Indexed";
        if (indexed)
        {
            if (!spec.Has("completions"))
            {
                spec.Required("completions", "when completion mode is Indexed");
            }

            if (spec.Int("parallelism") > MaxIndexed)
            {
                spec.Invalid("parallelism", spec.Int("parallelism"), $"must be less than or equal to {MaxIndexed} when completion mode is Indexed");
            }
        }
        else
        {
            foreach (var field in (ReadOnlySpan<string>)["backoffLimitPerIndex", "maxFailedIndexes", "successPolicy"])
            {
                if (spec.Has(field))
                {
                    spec.Invalid(field, spec.Object[field], "requires indexed completion mode");
                }
            }
        }

        if (spec.Has("maxFailedIndexes") && !spec.Has("backoffLimitPerIndex"))
        {
            spec.Required("backoffLimitPerIndex", "when maxFailedIndexes is specified");
        }

        if (spec.Int("maxFailedIndexes") is { } failed && failed > (spec.Int("completions") ?? 0) && indexed)
        {
            spec.Invalid("maxFailedIndexes", failed, "must be less than or equal to completions");
        }

        if (spec.Has("podFailurePolicy"))
        {
            FailurePolicy(spec);
            spec.OneOf("podReplacementPolicy", "Failed");
        }
        else
        {
            spec.OneOf("podReplacementPolicy", "Failed", "TerminatingOrFailed");
        }

        if (spec.Has("managedBy"))
        {
            spec.Rule("managedBy", Names.DomainPathErrors);
            if (spec.Str("managedBy").Length > 63)
            {
                spec.Errors.TooLong(spec.At("managedBy"), 63);
            }
        }

        SuccessPolicy(spec, indexed);
        PodSpecRules.ValidateTemplate(spec.Of("template"));
        var pod = spec.Of("template").Of("spec");
        if (pod.Str("restartPolicy") is "" or "Always")
        {
            pod.Required("restartPolicy", "valid values: \"OnFailure\", \"Never\"");
        }
        else
        {
            pod.OneOf("restartPolicy", "OnFailure", "Never");
            if (spec.Has("podFailurePolicy") && pod.Str("restartPolicy") != "Never")
            {
                pod.Invalid("restartPolicy", pod.Str("restartPolicy"), "only \"Never\" is supported when podFailurePolicy is specified");
            }
        }
    }

    public static void Update(Fields spec, JsonObject old)
    {
        var before = old.Obj("spec") ?? [];
        foreach (var field in Fixed)
        {
            spec.Same(field, before);
        }

        // An indexed Job may grow and shrink with both numbers together.
        var elastic = spec.Str("completionMode") == "Indexed" && spec.Int("completions") == spec.Int("parallelism") && spec.Has("completions") == (before["completions"] is not null);
        if (!elastic)
        {
            spec.Same("completions", before);
        }

        // A Job that has not started may still be told where to run, and with what.
        var (template, was) = (spec.Object.Obj("template")?.DeepClone() as JsonObject ?? [], before.Obj("template")?.DeepClone() as JsonObject ?? []);
        if (before.Bool("suspend") == true && old.Obj("status")?["startTime"] is null)
        {
            foreach (var either in (ReadOnlySpan<JsonObject>)[template, was])
            {
                either.Obj("metadata")?.Remove("annotations");
                either.Obj("metadata")?.Remove("labels");
                var pod = either.Ensure("spec");
                foreach (var field in (ReadOnlySpan<string>)["nodeSelector", "tolerations", "schedulingGates"])
                {
                    pod.Remove(field);
                }

                pod.Obj("affinity")?.Remove("nodeAffinity");
                if (pod.Obj("affinity") is { Count: 0 })
                {
                    pod.Remove("affinity");
                }

                foreach (var container in pod.Items("containers").Concat(pod.Items("initContainers")))
                {
                    container.Remove("resources");
                }

                if (either.Obj("metadata") is { Count: 0 })
                {
                    either.Remove("metadata");
                }
            }
        }

        if (!JsonNode.DeepEquals(template, was))
        {
            spec.Invalid("template", spec.Object["template"], Fields.Immutable);
        }
    }

    public static void Status(JsonObject obj, JsonObject old, ICollection<FieldError> errors)
    {
        var status = new Fields(obj.Obj("status") ?? [], "status", errors);
        status.NonNegative("active", "succeeded", "failed", "ready", "terminating");
        bool Is(JsonObject job, string type) => job.Obj("status").Items("conditions").Any(c => c.Str("type") == type && c.Str("status") == "True");
        if (Is(obj, "Complete") && Is(obj, "Failed"))
        {
            status.Invalid("conditions", status.Object["conditions"], "cannot set Complete=True and Failed=true conditions");
        }

        foreach (var final in (ReadOnlySpan<string>)["Complete", "Failed"])
        {
            if (Is(old, final) && !Is(obj, final))
            {
                status.Invalid("conditions", status.Object["conditions"], $"cannot disable the terminal Job condition, condition: {final}");
            }
        }

        if (status.Has("completionTime") && !Is(obj, "Complete"))
        {
            status.Invalid("completionTime", status.Object["completionTime"], "cannot set completionTime when there is no Complete=True condition");
        }
    }

    public static void Warn(Fields spec, Action<string> warn)
    {
        if (spec.Str("completionMode") == "Indexed" && spec.Int("completions") > 100_000 && spec.Int("parallelism") > 10_000)
        {
            warn("In Indexed Jobs with a number of completions higher than 10^5 and a parallelism higher than 10^4, Kubernetes might not be able to track completedIndexes when a big number of indexes fail");
        }

        PodWarnings.Of(spec.Object.Obj("template"), spec.At("template"), warn);
    }

    private static void FailurePolicy(Fields spec)
    {
        var policy = spec.Of("podFailurePolicy");
        policy.AtMost("rules", 20);
        var containers = spec.Object.Obj("template").Obj("spec");
        foreach (var rule in policy.Items("rules"))
        {
            if (rule.Str("action") == "FailIndex" && !spec.Has("backoffLimitPerIndex"))
            {
                rule.Invalid("action", "FailIndex", "requires the backoffLimitPerIndex to be set");
            }

            rule.RequiredOneOf("action", "Count", "FailIndex", "FailJob", "Ignore");
            var (codes, conditions) = (rule.Sub("onExitCodes"), rule.HasAny("onPodConditions"));
            if (codes is not null && conditions)
            {
                rule.Errors.Invalid(rule.Path, rule.Object, "specifying both OnExitCodes and OnPodConditions is not supported");
            }
            else if (codes is null && !conditions)
            {
                rule.Errors.Invalid(rule.Path, rule.Object, "specifying one of OnExitCodes and OnPodConditions is required");
            }

            if (codes is not null)
            {
                ExitCodes(codes, containers);
            }

            rule.AtMost("onPodConditions", 20);
            foreach (var condition in rule.Items("onPodConditions"))
            {
                foreach (var problem in Names.QualifiedNameErrors(condition.Str("type")))
                {
                    condition.Invalid("type", condition.Str("type"), problem);
                }

                condition.RequiredOneOf("status", "False", "True", "Unknown");
            }
        }
    }

    private static void ExitCodes(Fields codes, JsonObject? pod)
    {
        codes.RequiredOneOf("operator", "In", "NotIn");
        if (codes.Str("containerName") is { Length: > 0 } name && !pod.Items("containers").Concat(pod.Items("initContainers")).Any(c => c.Str("name") == name))
        {
            codes.Invalid("containerName", name, "must be one of the container or initContainer names in the pod template");
        }

        if (!codes.HasAny("values"))
        {
            codes.Invalid("values", codes.Object["values"] ?? new JsonArray(), "at least one value is required");
            return;
        }

        codes.AtMost("values", 255);
        var (seen, index) = (new HashSet<long>(), 0);
        long last = long.MinValue;
        var ordered = true;
        foreach (var node in (JsonArray)codes.Object["values"]!)
        {
            var at = codes.At("values", index++);
            if (!long.TryParse(node.Text(), CultureInfo.InvariantCulture, out var value))
            {
                continue;
            }

            if (codes.Str("operator") == "In" && value == 0)
            {
                codes.Errors.Invalid(at, value, "must not be 0 for the In operator");
            }

            if (!seen.Add(value))
            {
                codes.Errors.Duplicate(at, value);
            }
            else if (value < last && ordered)
            {
                codes.Invalid("values", codes.Object["values"], "must be ordered");
                ordered = false;
            }

            last = Math.Max(last, value);
        }
    }

    private static void SuccessPolicy(Fields spec, bool indexed)
    {
        if (!indexed || spec.Sub("successPolicy") is not { } policy)
        {
            return;
        }

        if (!policy.HasAny("rules"))
        {
            policy.Required("rules", "at least one rules must be specified when the successPolicy is specified");
        }

        policy.AtMost("rules", 20);
        foreach (var rule in policy.Items("rules"))
        {
            if (!rule.Has("succeededCount") && !rule.Has("succeededIndexes"))
            {
                rule.Errors.Required(rule.Path, "at least one of succeededCount or succeededIndexes must be specified");
            }

            rule.NonNegative("succeededCount");
            if (rule.Int("succeededCount") > (spec.Int("completions") ?? 0))
            {
                rule.Invalid("succeededCount", rule.Int("succeededCount"), string.Create(CultureInfo.InvariantCulture, $"must be less than or equal to {spec.Int("completions") ?? 0} (the number of specified completions)"));
            }
        }
    }
}
