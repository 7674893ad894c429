using System.Text.Json.Nodes;
using Kaji.Api.Errors;
using Kaji.Api.Metadata;

namespace Kaji.Api.Kinds.Core.Pods;

/// <summary>
/// Validation of a PodSpec, shared by Pods and by every template. Rules and wording follow k8s.io/kubernetes/pkg/apis/core/validation; what belongs to containers, volumes, placement,
/// security and resources is in a file each.
/// </summary>
internal static class PodSpecRules
{
    public static void Default(JsonObject spec) => PodDefaults.Default(spec);

    /// <summary>All that is wrong with a Pod's spec.</summary>
    public static void Validate(JsonObject obj, string path, ICollection<FieldError> errors)
    {
        var spec = new Fields(obj, path, errors);
        var volumes = VolumeRules.Volumes(spec);
        var claims = ResourceRules.Claims(spec);
        ContainerRules.Containers(spec, volumes, claims);
        ResourceRules.PodLevel(spec);
        spec.RequiredOneOf("restartPolicy", "Always", "OnFailure", "Never");
        spec.RequiredOneOf("dnsPolicy", "ClusterFirstWithHostNet", "ClusterFirst", "Default", "None");
        spec.Labels("nodeSelector");
        SecurityRules.Pod(spec);
        PlacementRules.Validate(spec);
        Dns(spec);
        foreach (var gate in spec.Items("readinessGates"))
        {
            foreach (var problem in Names.QualifiedNameErrors(gate.Str("conditionType")))
            {
                gate.Invalid("conditionType", gate.Str("conditionType"), problem);
            }
        }

        SchedulingGates(spec);
        spec.Rule("serviceAccountName", Names.Dns1123SubdomainErrors);
        spec.Rule("nodeName", Names.Dns1123SubdomainErrors);
        if (spec.Int("activeDeadlineSeconds") is < 1 or > int.MaxValue)
        {
            spec.Invalid("activeDeadlineSeconds", spec.Int("activeDeadlineSeconds"), "must be between 1 and 2147483647, inclusive");
        }

        spec.Rule("hostname", Names.Dns1123LabelErrors);
        spec.Rule("subdomain", Names.Dns1123LabelErrors);
        HostAliases(spec);
        spec.Rule("priorityClassName", Names.Dns1123SubdomainErrors);
        spec.Rule("runtimeClassName", Names.Dns1123SubdomainErrors);
        spec.OneOf("preemptionPolicy", "PreemptLowerPriority", "Never");
        ResourceRules.Amounts(spec, "overhead");
        OperatingSystem(spec);
        SysctlRules.Validate(obj, path, errors);
    }

    /// <summary>All that is wrong with a template's metadata and spec.</summary>
    public static void ValidateTemplate(Fields template)
    {
        template.Of("metadata").TemplateLabels(template);
        Validate(template.Object.Obj("spec") ?? [], template.At("spec"), template.Errors);
    }

    public static void Labels(JsonObject? labels, string path, ICollection<FieldError> errors)
    {
        foreach (var (key, value) in labels ?? [])
        {
            foreach (var problem in Names.QualifiedNameErrors(key))
            {
                errors.Invalid(path, key, problem);
            }

            foreach (var problem in Names.LabelValueErrors(value.Text()))
            {
                errors.Invalid(path, value.Text(), problem);
            }
        }
    }

    /// <summary>Kubernetes names the template itself, not its metadata, in these causes.</summary>
    public static void TemplateLabels(this Fields metadata, Fields template)
    {
        Labels(metadata.Object.Obj("labels"), template.At("labels"), template.Errors);
        foreach (var (key, _) in metadata.Object.Obj("annotations") ?? [])
        {
            foreach (var problem in Names.QualifiedNameErrors(key.ToLowerInvariant()))
            {
                template.Errors.Invalid(template.At("annotations"), key, problem);
            }
        }
    }

    private static void Dns(Fields spec)
    {
        if (spec.Str("dnsPolicy") == "None")
        {
            if (!spec.Has("dnsConfig"))
            {
                spec.Required("dnsConfig", "must provide `dnsConfig` when `dnsPolicy` is None");
                return;
            }

            if (!spec.Of("dnsConfig").HasAny("nameservers"))
            {
                spec.Of("dnsConfig").Required("nameservers", "must provide at least one DNS nameserver when `dnsPolicy` is None");
                return;
            }
        }

        if (spec.Sub("dnsConfig") is not { } dns)
        {
            return;
        }

        var (servers, searches) = (dns.Strings("nameservers"), dns.Strings("searches"));
        if (servers.Length > 3)
        {
            dns.Invalid("nameservers", servers, "must not have more than 3 nameservers");
        }

        for (var i = 0; i < servers.Length; i++)
        {
            foreach (var problem in Names.AddressErrors(servers[i]))
            {
                dns.Errors.Invalid(dns.At("nameservers", i), servers[i], problem);
            }
        }

        if (searches.Length > 32)
        {
            dns.Invalid("searches", searches, "must not have more than 32 search paths");
        }

        if (string.Join(' ', searches).Length > 2048)
        {
            dns.Invalid("searches", searches, "must not have more than 2048 characters (including spaces) in the search list");
        }

        for (var i = 0; i < searches.Length; i++)
        {
            // A search path may be the root, end in a dot and hold underscores.
            var search = searches[i] == "." ? "" : searches[i].TrimEnd('.').Replace('_', '-');
            if (search.Length > 0 && Names.Dns1123SubdomainErrors(search.Trim('-')) is [var problem, ..])
            {
                dns.Errors.Invalid(dns.At("searches", i), searches[i], problem);
            }
        }

        foreach (var option in dns.Items("options"))
        {
            option.Present("name", "must not be empty");
        }
    }

    private static void SchedulingGates(Fields spec)
    {
        var (seen, index) = (new HashSet<string>(StringComparer.Ordinal), 0);
        foreach (var gate in spec.Items("schedulingGates"))
        {
            var at = index++;
            foreach (var problem in Names.QualifiedNameErrors(gate.Str("name")))
            {
                spec.Errors.Invalid(spec.At("schedulingGates", at), gate.Str("name"), problem);
            }

            if (!seen.Add(gate.Str("name")))
            {
                spec.Errors.Duplicate(spec.At("schedulingGates", at), gate.Str("name"));
            }
        }
    }

    private static void HostAliases(Fields spec)
    {
        foreach (var alias in spec.Items("hostAliases"))
        {
            foreach (var problem in Names.AddressErrors(alias.Str("ip")))
            {
                alias.Invalid("ip", alias.Str("ip"), problem);
            }

            var names = alias.Strings("hostnames");
            for (var i = 0; i < names.Length; i++)
            {
                foreach (var problem in Names.Dns1123SubdomainErrors(names[i]))
                {
                    alias.Errors.Invalid(alias.At("hostnames", i), names[i], problem);
                }
            }
        }
    }

    private static void OperatingSystem(Fields spec)
    {
        if (spec.Sub("os") is not { } os)
        {
            return;
        }

        if (os.Present("name", "cannot be empty"))
        {
            os.OneOf("name", "linux", "windows");
        }

        if (os.Str("name") == "linux" && spec.Of("securityContext").Has("windowsOptions"))
        {
            spec.Of("securityContext").Forbidden("windowsOptions", "windows options cannot be set for a linux pod");
        }

        if (os.Str("name") == "windows")
        {
            foreach (var field in (ReadOnlySpan<string>)["hostPID", "hostIPC", "hostUsers", "shareProcessNamespace"])
            {
                if (spec.Bool(field) == true)
                {
                    spec.Forbidden(field, "cannot be set for a windows pod");
                }
            }

            foreach (var field in (ReadOnlySpan<string>)["seLinuxOptions", "seccompProfile", "fsGroup", "fsGroupChangePolicy", "sysctls", "runAsUser", "runAsGroup", "supplementalGroups", "supplementalGroupsPolicy", "appArmorProfile"])
            {
                if (spec.Of("securityContext").Has(field))
                {
                    spec.Of("securityContext").Forbidden(field, "cannot be set for a windows pod");
                }
            }
        }
    }
}
