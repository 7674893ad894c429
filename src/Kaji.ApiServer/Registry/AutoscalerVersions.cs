using System.Text.Json;
using System.Text.Json.Nodes;
using Kaji.Api.Kinds;

namespace Kaji.ApiServer.Registry;

/// <summary>
/// HorizontalPodAutoscaler v1 and v2 are one object, stored as v2. The older version knows one metric, cpu; what else there is travels in annotations, so that a client of v1
/// that reads and writes back loses nothing: <c>autoscaling.alpha.kubernetes.io/metrics</c> (in v1's own, flatter form), <c>behavior</c>, <c>current-metrics</c>, <c>conditions</c>.
/// </summary>
internal static class AutoscalerVersions
{
    private const string Prefix = "autoscaling.alpha.kubernetes.io/";

    public static void ToStorage(JsonObject obj)
    {
        var annotations = obj.Obj("metadata").Obj("annotations");
        if (obj["spec"] is JsonObject spec)
        {
            var metrics = new JsonArray();
            if (spec["targetCPUUtilizationPercentage"] is { } percent)
            {
                spec.Remove("targetCPUUtilizationPercentage");
                metrics.Add((JsonNode)new JsonObject { ["type"] = "Resource", ["resource"] = new JsonObject { ["name"] = "cpu", ["target"] = new JsonObject { ["type"] = "Utilization", ["averageUtilization"] = percent.DeepClone() } } });
            }

            foreach (var metric in Taken(annotations, "metrics").OfType<JsonObject>())
            {
                metrics.Add((JsonNode)Metric(metric, current: false));
            }

            if (metrics.Count > 0)
            {
                spec["metrics"] = metrics;
            }

            if (TakenObject(annotations, "behavior") is { } behavior)
            {
                spec["behavior"] = behavior;
            }
        }

        if (obj["status"] is JsonObject status)
        {
            var metrics = new JsonArray();
            if (status["currentCPUUtilizationPercentage"] is { } percent)
            {
                status.Remove("currentCPUUtilizationPercentage");
                metrics.Add((JsonNode)new JsonObject { ["type"] = "Resource", ["resource"] = new JsonObject { ["name"] = "cpu", ["current"] = new JsonObject { ["averageUtilization"] = percent.DeepClone() } } });
            }

            foreach (var metric in Taken(annotations, "current-metrics").OfType<JsonObject>())
            {
                metrics.Add((JsonNode)Metric(metric, current: true));
            }

            if (metrics.Count > 0)
            {
                status["currentMetrics"] = metrics;
            }

            if (Taken(annotations, "conditions") is { Count: > 0 } conditions)
            {
                status["conditions"] = conditions.DeepClone();
            }
        }

        foreach (var name in (ReadOnlySpan<string>)["metrics", "behavior", "current-metrics", "conditions"])
        {
            annotations?.Remove(Prefix + name);
        }

        if (annotations is { Count: 0 })
        {
            obj.Obj("metadata")!.Remove("annotations");
        }
    }

    public static void FromStorage(JsonObject obj)
    {
        if (obj["spec"] is JsonObject spec)
        {
            Split(obj, spec, "metrics", "metrics", "targetCPUUtilizationPercentage", "target");
            if (spec["behavior"] is { } behavior)
            {
                Annotate(obj, "behavior", behavior);
                spec.Remove("behavior");
            }
        }

        if (obj["status"] is not JsonObject status)
        {
            return;
        }

        Split(obj, status, "currentMetrics", "current-metrics", "currentCPUUtilizationPercentage", "current");
        if (status["conditions"] is JsonArray { Count: > 0 } conditions)
        {
            Annotate(obj, "conditions", conditions);
        }

        status.Remove("conditions");
        if (status["currentReplicas"] is null)
        {
            status["currentReplicas"] = 0;
        }
    }

    /// <summary>The first utilization of cpu becomes v1's field, the rest an annotation.</summary>
    private static void Split(JsonObject obj, JsonObject part, string list, string annotation, string field, string value)
    {
        var rest = new JsonArray();
        foreach (var metric in part.Items(list))
        {
            if (part[field] is null && metric.Str("type") == "Resource" && metric.Obj("resource").Str("name") == "cpu" && metric.Obj("resource").Obj(value)?["averageUtilization"] is { } percent)
            {
                part[field] = percent.DeepClone();
            }
            else
            {
                rest.Add((JsonNode)Flat(metric, value == "current"));
            }
        }

        part.Remove(list);
        if (rest.Count > 0)
        {
            Annotate(obj, annotation, rest);
        }
    }

    private static void Annotate(JsonObject obj, string name, JsonNode value) => obj.Ensure("metadata").Ensure("annotations")[Prefix + name] = value.ToJsonString();

    /// <summary>v2's metric in v1's form: values beside the name instead of in a target.</summary>
    private static JsonObject Flat(JsonObject metric, bool current)
    {
        var (flat, field, source) = Begin(metric);
        var values = source.Obj(current ? "current" : "target");
        var prefix = current ? "current" : "target";
        void Put(string name, JsonNode? node)
        {
            if (node is not null)
            {
                flat[name] = node.DeepClone();
            }
        }

        switch (field)
        {
            case "resource" or "containerResource":
                Put("name", source?["name"]);
                Put("container", source?["container"]);
                Put(prefix + "AverageUtilization", values?["averageUtilization"]);
                Put(prefix + "AverageValue", values?["averageValue"]);
                break;
            case "pods":
                Put("metricName", source.Obj("metric")?["name"]);
                Put("selector", source.Obj("metric")?["selector"]);
                Put(prefix + "AverageValue", values?["averageValue"]);
                break;
            case "object":
                Put("target", source?["describedObject"]);
                Put("metricName", source.Obj("metric")?["name"]);
                Put("selector", source.Obj("metric")?["selector"]);
                Put(current ? "currentValue" : "targetValue", values?["value"] ?? JsonValue.Create("0"));
                Put("averageValue", values?["averageValue"]);
                break;
            case "external":
                Put("metricName", source.Obj("metric")?["name"]);
                Put("metricSelector", source.Obj("metric")?["selector"]);
                Put(current ? "currentValue" : "targetValue", values?["value"]);
                Put(prefix + "AverageValue", values?["averageValue"]);
                break;
        }

        return new JsonObject { ["type"] = metric["type"]?.DeepClone(), [field] = flat };
    }

    /// <summary>The other way.</summary>
    private static JsonObject Metric(JsonObject flat, bool current)
    {
        var (source, field, from) = Begin(flat);
        var values = new JsonObject();
        var prefix = current ? "current" : "target";
        void Value(string name, string type, JsonNode? node)
        {
            if (node is null || node.Text() is "0" && field == "object" && name == "value" && from?["averageValue"] is not null)
            {
                return;
            }

            values[name] = node.DeepClone();
            if (!current)
            {
                values["type"] = type;
            }
        }

        Value("averageUtilization", "Utilization", from?[prefix + "AverageUtilization"]);
        Value("value", "Value", from?[prefix + "Value"]);
        Value("averageValue", "AverageValue", from?[prefix + "AverageValue"] ?? (field == "object" ? from?["averageValue"] : null));
        if (field is "resource" or "containerResource")
        {
            source["name"] = from?["name"]?.DeepClone();
            if (from?["container"] is { } container)
            {
                source["container"] = container.DeepClone();
            }
        }
        else
        {
            var metric = new JsonObject { ["name"] = from?["metricName"]?.DeepClone() };
            if ((from?["selector"] ?? from?["metricSelector"]) is { } selector)
            {
                metric["selector"] = selector.DeepClone();
            }

            source["metric"] = metric;
            if (field == "object")
            {
                source["describedObject"] = from?["target"]?.DeepClone();
            }
        }

        source[current ? "current" : "target"] = values;
        return new JsonObject { ["type"] = flat["type"]?.DeepClone(), [field] = source };
    }

    private static (JsonObject Made, string Field, JsonObject? Source) Begin(JsonObject metric)
    {
        var type = metric.Str("type");
        var field = type.Length == 0 ? "resource" : char.ToLowerInvariant(type[0]) + type[1..];
        return (new JsonObject(), field, metric.Obj(field));
    }

    private static JsonArray Taken(JsonObject? annotations, string name) => Parse(annotations.Str(Prefix + name)) as JsonArray ?? [];

    private static JsonObject? TakenObject(JsonObject? annotations, string name) => Parse(annotations.Str(Prefix + name)) as JsonObject;

    /// <summary>What an annotation says; one that is not JSON says nothing, as in Kubernetes.</summary>
    private static JsonNode? Parse(string text)
    {
        if (text.Length == 0)
        {
            return null;
        }

        try
        {
            return JsonNode.Parse(text);
        }
        catch (JsonException)
        {
            return null;
        }
    }
}
