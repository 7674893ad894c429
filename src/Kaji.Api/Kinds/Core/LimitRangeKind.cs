using System.Text.Json.Nodes;
using Kaji.Api.Errors;
using Kaji.Api.Metadata;

namespace Kaji.Api.Kinds.Core;

/// <summary>LimitRange: https://kubernetes.io/docs/reference/kubernetes-api/policy-resources/limit-range-v1/</summary>
internal sealed class LimitRangeKind : KindBehavior
{
    private static readonly string[] Fields = ["max", "min", "default", "defaultRequest", "maxLimitRequestRatio"];

    public override void Default(JsonObject obj)
    {
        foreach (var item in obj.Obj("spec").Items("limits").Where(i => i.Str("type") == "Container"))
        {
            Fill(item, "default", "max");
            Fill(item, "defaultRequest", "default");
            Fill(item, "defaultRequest", "min");
        }
    }

    public override void Validate(JsonObject obj, ICollection<FieldError> errors)
    {
        var (index, types) = (0, new HashSet<string>(StringComparer.Ordinal));
        foreach (var item in obj.Obj("spec").Items("limits"))
        {
            var at = $"spec.limits[{index++}]";
            var type = item.Str("type");
            if (type.Length == 0 || Names.QualifiedNameErrors(type) is [_, ..] || (!type.Contains('/', StringComparison.Ordinal) && type is not ("Pod" or "Container" or "PersistentVolumeClaim")))
            {
                errors.Invalid($"{at}.type", type, "must be a standard limit type or fully qualified");
            }

            if (!types.Add(type))
            {
                errors.Duplicate($"{at}.type", type);
            }

            if (type == "Pod")
            {
                foreach (var field in (ReadOnlySpan<string>)["default", "defaultRequest"])
                {
                    if (item.Obj(field) is { Count: > 0 })
                    {
                        errors.Forbidden($"{at}.{field}", "may not be specified when `type` is 'Pod'");
                    }
                }
            }

            if (type == "PersistentVolumeClaim" && item.Obj("min")?["storage"] is null && item.Obj("max")?["storage"] is null)
            {
                errors.Required($"{at}.limits", "either minimum or maximum storage value is required, but neither was provided");
            }

            Amounts(item, type, at, errors);
        }
    }

    private static void Amounts(JsonObject item, string type, string at, ICollection<FieldError> errors)
    {
        foreach (var name in Fields.SelectMany(f => item.Obj(f)?.Select(p => p.Key) ?? []).Distinct(StringComparer.Ordinal).Order(StringComparer.Ordinal))
        {
            Quantity? Of(string field) => Quantity.TryParse(item.Obj(field)?[name].Text(), out var amount) ? amount : null;
            var (max, min, limit, request, ratio) = (Of("max"), Of("min"), Of("default"), Of("defaultRequest"), Of("maxLimitRequestRatio"));
            void NotAbove(string field, Quantity? low, string lowName, Quantity? high, string highName)
            {
                if (low is { } l && high is { } h && l > h)
                {
                    errors.Invalid($"{at}.{field}[{name}]", l.ToString(), $"{lowName} value {l} is greater than {highName} value {h}");
                }
            }

            NotAbove("min", min, "min", max, "max");
            if (type == "Container")
            {
                NotAbove("defaultRequest", min, "min", request, "default request");
                NotAbove("defaultRequest", request, "default request", max, "max");
                NotAbove("defaultRequest", request, "default request", limit, "default limit");
                NotAbove("default", min, "min", limit, "default");
                NotAbove("default", limit, "default", max, "max");
            }

            if (ratio is { } r && r < Quantity.FromValue(1))
            {
                errors.Invalid($"{at}.maxLimitRequestRatio[{name}]", r.ToString(), $"ratio {r} is less than 1");
            }
        }
    }

    private static void Fill(JsonObject item, string to, string from)
    {
        foreach (var (name, amount) in item.Obj(from) ?? [])
        {
            var target = item.Ensure(to);
            if (target[name] is null)
            {
                target[name] = amount?.DeepClone();
            }
        }
    }
}
