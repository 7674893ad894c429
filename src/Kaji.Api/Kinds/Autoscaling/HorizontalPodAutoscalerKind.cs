using System.Text.Json.Nodes;
using Kaji.Api.Errors;
using Kaji.Api.Metadata;

namespace Kaji.Api.Kinds.Autoscaling;

/// <summary>HorizontalPodAutoscaler v2, the form that is stored: https://kubernetes.io/docs/reference/kubernetes-api/workload-resources/horizontal-pod-autoscaler-v2/</summary>
internal sealed class HorizontalPodAutoscalerKind : StatusKind
{
    private const int MaxPeriod = 1800;
    private const int MaxWindow = 3600;

    public override bool HasGeneration => false;

    public override void Default(JsonObject obj)
    {
        var spec = obj.Ensure("spec");
        spec.Default("minReplicas", 1);
        if (spec["metrics"] is not JsonArray { Count: > 0 })
        {
            spec["metrics"] = new JsonArray((JsonNode)new JsonObject
            {
                ["type"] = "Resource",
                ["resource"] = new JsonObject { ["name"] = "cpu", ["target"] = new JsonObject { ["type"] = "Utilization", ["averageUtilization"] = 80 } },
            });
        }

        if (spec.Obj("behavior") is not { } behavior)
        {
            return;
        }

        var up = behavior.Ensure("scaleUp");
        up.Default("stabilizationWindowSeconds", 0);
        Rules(up, [("Pods", 4), ("Percent", 100)]);
        Rules(behavior.Ensure("scaleDown"), [("Percent", 100)]);
    }

    public override void PrepareForCreate(JsonObject obj) => obj["status"] = new JsonObject { ["desiredReplicas"] = 0 };

    public override void Validate(JsonObject obj, ICollection<FieldError> errors)
    {
        var spec = new Fields(obj.Obj("spec") ?? [], "spec", errors);
        var (least, most) = (spec.Int("minReplicas"), spec.Int("maxReplicas") ?? 0);
        if (least < 0)
        {
            spec.Invalid("minReplicas", least, Fields.NotNegative);
        }
        else if (least == 0 && !spec.Items("metrics").Any(m => m.Str("type") is "Object" or "External"))
        {
            spec.Invalid("minReplicas", least, "must be greater than or equal to 1");
        }

        if (most < 1)
        {
            spec.Invalid("maxReplicas", most, "must be greater than 0");
        }

        if (most < least)
        {
            spec.Invalid("maxReplicas", most, "must be greater than or equal to `minReplicas`");
        }

        Reference(spec.Of("scaleTargetRef"));
        foreach (var metric in spec.Items("metrics"))
        {
            MetricRules.Validate(metric);
        }

        foreach (var direction in (ReadOnlySpan<string>)["scaleUp", "scaleDown"])
        {
            if (spec.Of("behavior").Sub(direction) is { } rules)
            {
                Behavior(rules);
            }
        }
    }

    public override void ValidateStatusUpdate(JsonObject obj, JsonObject old, ICollection<FieldError> errors) =>
        new Fields(obj.Obj("status") ?? [], "status", errors).NonNegative("currentReplicas", "desiredReplicas");

    /// <summary>What is scaled, or measured.</summary>
    internal static void Reference(Fields reference)
    {
        reference.RequiredRule("kind", Names.PathSegmentErrors);
        reference.RequiredRule("name", Names.PathSegmentErrors);
    }

    private static void Rules(JsonObject rules, ReadOnlySpan<(string Type, int Value)> policies)
    {
        rules.Default("selectPolicy", "Max");
        if (rules["policies"] is JsonArray { Count: > 0 })
        {
            return;
        }

        var list = new JsonArray();
        foreach (var (type, value) in policies)
        {
            list.Add((JsonNode)new JsonObject { ["type"] = type, ["value"] = value, ["periodSeconds"] = 15 });
        }

        rules["policies"] = list;
    }

    private static void Behavior(Fields rules)
    {
        if (rules.Int("stabilizationWindowSeconds") is { } window)
        {
            rules.NonNegative("stabilizationWindowSeconds");
            if (window > MaxWindow)
            {
                rules.Invalid("stabilizationWindowSeconds", window, $"must be less than or equal to {MaxWindow}");
            }
        }

        rules.OneOf("selectPolicy", "Disabled", "Max", "Min");
        if (!rules.HasAny("policies"))
        {
            rules.Required("policies", "must specify at least one Policy");
        }

        foreach (var policy in rules.Items("policies"))
        {
            policy.OneOf("type", "Percent", "Pods");
            if ((policy.Int("value") ?? 0) <= 0)
            {
                policy.Invalid("value", policy.Int("value") ?? 0, "must be greater than zero");
            }

            if ((policy.Int("periodSeconds") ?? 0) <= 0)
            {
                policy.Invalid("periodSeconds", policy.Int("periodSeconds") ?? 0, "must be greater than zero");
            }
            else if (policy.Int("periodSeconds") > MaxPeriod)
            {
                policy.Invalid("periodSeconds", policy.Int("periodSeconds"), $"must be less than or equal to {MaxPeriod}");
            }
        }

        if (rules.Has("tolerance") && Quantity.TryParse(rules.Text("tolerance"), out var tolerance) && tolerance.Sign < 0)
        {
            rules.Invalid("tolerance", rules.Text("tolerance"), Fields.NotNegative);
        }
    }
}
