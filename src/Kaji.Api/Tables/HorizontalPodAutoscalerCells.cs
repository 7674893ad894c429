using System.Text.Json.Nodes;
using Kaji.Api.Kinds;

namespace Kaji.Api.Tables;

/// <summary>What an autoscaler measures, and what it should be: <c>cpu: 12%/80%</c>.</summary>
internal static class HorizontalPodAutoscalerCells
{
    private const string Unknown = "<unknown>";
    private const int Most = 2;

    public static string Targets(JsonObject o)
    {
        var metrics = o.Obj("spec").Items("metrics").ToArray();
        if (o.Obj("spec")?["targetCPUUtilizationPercentage"] is { } percent)
        {
            // The older version has one metric.
            var now = o.Obj("status")?["currentCPUUtilizationPercentage"];
            return $"cpu: {(now is null ? Unknown : now.Text() + "%")}/{percent.Text()}%";
        }

        if (metrics.Length == 0)
        {
            return Cells.None;
        }

        var current = o.Obj("status").Items("currentMetrics").ToArray();
        var shown = metrics.Take(Most).Select((metric, i) => Target(metric, i < current.Length ? current[i] : null));
        return string.Join(", ", shown) + (metrics.Length > Most ? $" + {metrics.Length - Most} more..." : "");
    }

    private static string Target(JsonObject metric, JsonObject? current)
    {
        var (field, average) = metric.Str("type") switch
        {
            "External" => ("external", metric.Obj("external").Obj("target")?["averageValue"] is not null),
            "Pods" => ("pods", true),
            "Object" => ("object", metric.Obj("object").Obj("target")?["averageValue"] is not null),
            "Resource" => ("resource", true),
            "ContainerResource" => ("containerResource", true),
            _ => ("", false),
        };
        if (field.Length == 0)
        {
            return "<unknown type>";
        }

        var (source, seen) = (metric.Obj(field), current.Obj(field).Obj("current"));
        var target = source.Obj("target");
        var prefix = field is "resource" or "containerResource" ? $"{source.Str("name")}: " : "";
        if (field is "resource" or "containerResource" && target?["averageValue"] is null)
        {
            return $"{prefix}{(seen?["averageUtilization"] is { } now ? now.Text() + "%" : Unknown)}/{(target?["averageUtilization"] is { } wanted ? wanted.Text() + "%" : "<auto>")}";
        }

        var what = average ? "averageValue" : "value";
        return $"{prefix}{(seen?[what] is { } value ? value.Text() : Unknown)}/{target?[what].Text()}{(average && field is "external" or "object" ? " (avg)" : "")}";
    }
}
