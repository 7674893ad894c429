using Kaji.Api.Errors;
using Kaji.Api.Metadata;

namespace Kaji.Api.Kinds.Autoscaling;

/// <summary>Validation of what an autoscaler measures: one source a metric, by its type, with a target of the right kind.</summary>
internal static class MetricRules
{
    private static readonly (string Type, string Field)[] Sources =
        [("ContainerResource", "containerResource"), ("External", "external"), ("Object", "object"), ("Pods", "pods"), ("Resource", "resource")];

    public static void Validate(Fields metric)
    {
        var type = metric.Str("type");
        if (type.Length == 0)
        {
            metric.Required("type", "must specify a metric source type");
        }

        var expected = Array.Find(Sources, s => s.Type == type).Field;
        if (expected is null)
        {
            metric.NotSupported("type", type, Sources.Select(s => s.Type).ToArray());
        }
        else if (!metric.Has(expected))
        {
            metric.Required(expected, "must populate information for the given metric source");
        }

        foreach (var (_, field) in Sources)
        {
            if (field != expected && metric.Has(field))
            {
                metric.Forbidden(field, "must populate the given metric source only");
            }
        }

        if (expected is not null && metric.Sub(expected) is { } source)
        {
            Source(expected, source);
        }
    }

    private static void Source(string kind, Fields source)
    {
        var target = source.Of("target");
        switch (kind)
        {
            case "resource" or "containerResource":
                source.Present("name", "must specify a resource name");
                if (kind == "containerResource")
                {
                    source.Present("container", "must specify a container");
                }

                Target(target);
                var (utilization, value) = (target.Has("averageUtilization"), target.Has("averageValue"));
                if (!utilization && !value)
                {
                    target.Required("averageUtilization", "must set either a target raw value or a target utilization");
                }
                else if (utilization && value)
                {
                    target.Forbidden("averageValue", "may not set both a target raw value and a target utilization");
                }

                return;
            case "pods":
                Identifier(source);
                Target(target);
                if (!target.Has("averageValue"))
                {
                    target.Required("averageValue", "must specify a positive target averageValue");
                }

                return;
            case "object":
                HorizontalPodAutoscalerKind.Reference(source.Of("describedObject"));
                Identifier(source);
                Target(target);
                if (!target.Has("value") && !target.Has("averageValue"))
                {
                    target.Required("averageValue", "must set either a target value or averageValue");
                }

                return;
            case "external":
                Identifier(source);
                Target(target);
                if (!target.Has("value") && !target.Has("averageValue"))
                {
                    target.Required("averageValue", "must set either a target value for metric or a per-pod target");
                }
                else if (target.Has("value") && target.Has("averageValue"))
                {
                    target.Forbidden("value", "may not set both a target value for metric and a per-pod target");
                }

                return;
        }
    }

    private static void Identifier(Fields source)
    {
        var metric = source.Of("metric");
        metric.RequiredRule("name", Names.PathSegmentErrors);
        metric.Selector("selector");
    }

    private static void Target(Fields target)
    {
        if (target.Str("type").Length == 0)
        {
            target.Required("type", "must specify a metric target type");
        }
        else if (target.Str("type") is not ("Utilization" or "Value" or "AverageValue"))
        {
            target.Invalid("type", target.Str("type"), "must be either Utilization, Value, or AverageValue");
        }

        foreach (var field in (ReadOnlySpan<string>)["value", "averageValue"])
        {
            if (target.Has(field) && Quantity.TryParse(target.Text(field), out var amount) && amount.Sign <= 0)
            {
                target.Invalid(field, target.Text(field), "must be positive");
            }
        }

        if (target.Int("averageUtilization") is { } percent and < 1)
        {
            target.Invalid("averageUtilization", percent, "must be greater than 0");
        }
    }
}
