using System.Globalization;
using System.Text.Json.Nodes;
using Kaji.Api.Kinds;
using Kaji.Api.Metadata;
using Kaji.Api.Quotas;

namespace Kaji.ApiServer.Admission.Limits;

/// <summary>What of a LimitRange a Pod or a claim breaks. Pure.</summary>
internal static class LimitRules
{
    public static List<string> OfPod(JsonObject pod, JsonObject range)
    {
        var wrong = new List<string>();
        var spec = pod.Obj("spec");
        foreach (var item in range.Obj("spec").Items("limits"))
        {
            switch (item.Str("type"))
            {
                case "Container":
                    foreach (var container in spec.Items("containers").Concat(spec.Items("initContainers")))
                    {
                        Check(item, ResourceList.Of(container.Obj("resources").Obj("requests")), ResourceList.Of(container.Obj("resources").Obj("limits")), wrong);
                    }

                    break;
                case "Pod":
                    Check(item, PodResources.Requests(spec), PodResources.Limits(spec), wrong);
                    break;
            }
        }

        return wrong;
    }

    public static List<string> OfClaim(JsonObject claim, JsonObject range)
    {
        var wrong = new List<string>();
        var requests = ResourceList.Of(claim.Obj("spec").Obj("resources").Obj("requests"));
        const string Type = "PersistentVolumeClaim";
        foreach (var item in range.Obj("spec").Items("limits").Where(i => i.Str("type") == Type))
        {
            foreach (var (name, least) in ResourceList.Of(item.Obj("min")))
            {
                Min(Type, name, least, Amount(requests, name), null, wrong);
            }

            foreach (var (name, most) in ResourceList.Of(item.Obj("max")))
            {
                if (Amount(requests, name) is not { } asked)
                {
                    wrong.Add($"maximum {name} usage per {Type} is {most}.  No request is specified");
                }
                else if (asked > most)
                {
                    wrong.Add($"maximum {name} usage per {Type} is {most}, but request is {asked}");
                }
            }
        }

        return wrong;
    }

    private static void Check(JsonObject item, ResourceList requests, ResourceList limits, List<string> wrong)
    {
        var type = item.Str("type");
        foreach (var (name, least) in ResourceList.Of(item.Obj("min")))
        {
            Min(type, name, least, Amount(requests, name), Amount(limits, name), wrong);
        }

        foreach (var (name, most) in ResourceList.Of(item.Obj("max")))
        {
            if (Amount(limits, name) is not { } limit)
            {
                wrong.Add($"maximum {name} usage per {type} is {most}.  No limit is specified");
            }
            else if (limit > most)
            {
                wrong.Add($"maximum {name} usage per {type} is {most}, but limit is {limit}");
            }
            else if (Amount(requests, name) is { } asked && asked > most)
            {
                wrong.Add($"maximum {name} usage per {type} is {most}, but request is {asked}");
            }
        }

        foreach (var (name, ratio) in ResourceList.Of(item.Obj("maxLimitRequestRatio")))
        {
            Ratio(type, name, ratio, Amount(requests, name), Amount(limits, name), wrong);
        }
    }

    private static void Min(string type, string name, Quantity least, Quantity? request, Quantity? limit, List<string> wrong)
    {
        if (request is not { } asked)
        {
            wrong.Add($"minimum {name} usage per {type} is {least}.  No request is specified");
        }
        else if (asked < least)
        {
            wrong.Add($"minimum {name} usage per {type} is {least}, but request is {asked}");
        }
        else if (limit is { } bound && bound < least)
        {
            wrong.Add($"minimum {name} usage per {type} is {least}, but limit is {bound}");
        }
    }

    private static void Ratio(string type, string name, Quantity ratio, Quantity? request, Quantity? limit, List<string> wrong)
    {
        if (request is not { Sign: > 0 } asked)
        {
            wrong.Add($"{name} max limit to request ratio per {type} is {ratio}, but no request is specified or request is 0");
            return;
        }

        if (limit is not { Sign: > 0 } bound)
        {
            wrong.Add($"{name} max limit to request ratio per {type} is {ratio}, but no limit is specified or limit is 0");
            return;
        }

        var actual = (double)bound.MilliValue / asked.MilliValue;
        if (actual * 1000 > ratio.MilliValue)
        {
            wrong.Add(string.Create(CultureInfo.InvariantCulture, $"{name} max limit to request ratio per {type} is {ratio}, but provided ratio is {actual:F6}"));
        }
    }

    private static Quantity? Amount(ResourceList list, string name) => list.TryGetValue(name, out var amount) ? amount : null;
}
