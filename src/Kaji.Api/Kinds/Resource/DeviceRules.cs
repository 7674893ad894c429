using System.Text.Json.Nodes;
using Kaji.Api.Errors;
using Kaji.Api.Kinds.Core.Pods;
using Kaji.Api.Metadata;

namespace Kaji.Api.Kinds.Resource;

/// <summary>What claims and their templates say about devices. https://kubernetes.io/docs/concepts/scheduling-eviction/dynamic-resource-allocation/</summary>
internal static class DeviceRules
{
    private const int MaxItems = 32;

    public static void Default(JsonObject? spec)
    {
        foreach (var request in spec.Obj("devices").Items("requests"))
        {
            foreach (var one in request.Items("firstAvailable").Append(request.Obj("exactly")).OfType<JsonObject>())
            {
                one.Default("allocationMode", "ExactCount");
                if (one.Str("allocationMode") == "ExactCount" && one.Int("count") is null or 0)
                {
                    one["count"] = 1;
                }
            }
        }
    }

    public static void Claim(Fields spec)
    {
        if (spec.Sub("devices") is not { } devices)
        {
            return;
        }

        foreach (var list in (ReadOnlySpan<string>)["requests", "constraints", "config"])
        {
            devices.AtMost(list, MaxItems);
        }

        var names = new HashSet<string>(StringComparer.Ordinal);
        foreach (var request in devices.Items("requests"))
        {
            request.Unique("name", Names.Dns1123LabelErrors, names);
            Request(request);
        }

        foreach (var constraint in devices.Items("constraints"))
        {
            Requests(constraint, names);
            if (!constraint.Has("matchAttribute") && !constraint.Has("distinctAttribute"))
            {
                constraint.Required("matchAttribute");
            }
        }

        foreach (var config in devices.Items("config"))
        {
            Requests(config, names);
            Opaque(config);
        }
    }

    /// <summary>CEL selectors of a request or class.</summary>
    public static void Selectors(Fields owner)
    {
        owner.AtMost("selectors", MaxItems);
        foreach (var selector in owner.Items("selectors"))
        {
            if (selector.Sub("cel") is not { } cel)
            {
                selector.Required("cel");
                continue;
            }

            if (cel.Present("expression") && cel.Str("expression").Length > 10 * 1024)
            {
                cel.Errors.TooLong(cel.At("expression"), 10 * 1024);
            }
        }
    }

    /// <summary>Parameters for a driver.</summary>
    public static void Opaque(Fields config)
    {
        if (config.Sub("opaque") is not { } opaque)
        {
            config.Required("opaque");
            return;
        }

        opaque.RequiredRule("driver", Names.DriverNameErrors);
        if (!opaque.Has("parameters"))
        {
            opaque.Required("parameters");
        }
    }

    private static void Request(Fields request)
    {
        var (exactly, first) = (request.Sub("exactly"), request.HasAny("firstAvailable"));
        if (exactly is null && !first)
        {
            request.Errors.Required(request.Path, "exactly one of `exactly` or `firstAvailable` is required");
        }
        else if (exactly is not null && first)
        {
            request.Errors.Invalid(request.Path, null, "exactly one of `exactly` or `firstAvailable` is required, but multiple fields are set");
        }
        else if (exactly is not null)
        {
            One(exactly);
        }
        else
        {
            request.AtMost("firstAvailable", 8);
            var names = new HashSet<string>(StringComparer.Ordinal);
            foreach (var alternative in request.Items("firstAvailable"))
            {
                alternative.Unique("name", Names.Dns1123LabelErrors, names);
                One(alternative);
            }
        }
    }

    private static void One(Fields request)
    {
        request.RequiredRule("deviceClassName", Names.Dns1123SubdomainErrors);
        Selectors(request);
        switch (request.Str("allocationMode"))
        {
            case "All":
                if (request.Int("count") is { } count and not 0)
                {
                    request.Invalid("count", count, "must not be specified when allocationMode is 'All'");
                }

                break;
            case "ExactCount":
                if ((request.Int("count") ?? 0) <= 0)
                {
                    request.Invalid("count", request.Int("count") ?? 0, "must be greater than zero");
                }

                break;
            default:
                request.NotSupported("allocationMode", request.Str("allocationMode"), "All", "ExactCount");
                break;
        }

        PlacementRules.Tolerations(request, "tolerations");
    }

    private static void Requests(Fields owner, HashSet<string> names)
    {
        var (seen, requests) = (new HashSet<string>(StringComparer.Ordinal), owner.Strings("requests"));
        for (var i = 0; i < requests.Length; i++)
        {
            if (!names.Contains(requests[i].Split('/')[0]))
            {
                owner.Errors.Invalid(owner.At("requests", i), requests[i], "must be the name of a request in the claim or the name of a request and a subrequest separated by '/'");
            }
            else if (!seen.Add(requests[i]))
            {
                owner.Errors.Duplicate(owner.At("requests", i), requests[i]);
            }
        }
    }
}
