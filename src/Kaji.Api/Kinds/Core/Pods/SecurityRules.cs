using System.Text.Json.Nodes;
using Kaji.Api.Errors;

namespace Kaji.Api.Kinds.Core.Pods;

/// <summary>Validation of the security contexts of Pods and containers. https://kubernetes.io/docs/tasks/configure-pod-container/security-context/</summary>
internal static class SecurityRules
{
    private const string IdRange = "must be between 0 and 2147483647, inclusive";

    public static void Pod(Fields spec)
    {
        if (spec.Bool("shareProcessNamespace") == true && spec.Bool("hostPID") == true)
        {
            spec.Invalid("shareProcessNamespace", true, "ShareProcessNamespace and HostPID cannot both be enabled");
        }

        if (spec.Bool("hostUsers") == false)
        {
            foreach (var field in (ReadOnlySpan<string>)["hostNetwork", "hostPID", "hostIPC"])
            {
                if (spec.Bool(field) == true)
                {
                    spec.Forbidden(field, "when `hostUsers` is false");
                }
            }
        }

        if (spec.Sub("securityContext") is not { } security)
        {
            return;
        }

        foreach (var field in (ReadOnlySpan<string>)["fsGroup", "runAsUser", "runAsGroup"])
        {
            Id(security, field);
        }

        if (security.Object["supplementalGroups"] is JsonArray groups)
        {
            for (var i = 0; i < groups.Count; i++)
            {
                if (groups[i] is JsonValue value && value.TryGetValue<long>(out var id) && id is < 0 or > int.MaxValue)
                {
                    security.Errors.Invalid(security.At("supplementalGroups", i), id, IdRange);
                }
            }
        }

        security.OneOf("fsGroupChangePolicy", "Always", "OnRootMismatch");
        security.OneOf("supplementalGroupsPolicy", "Merge", "Strict");
        security.OneOf("seLinuxChangePolicy", "MountOption", "Recursive");
        Profile(security, "seccompProfile", "seccomp");
        Profile(security, "appArmorProfile", "AppArmor");
        Windows(security, spec);
    }

    public static void Container(Fields spec, Fields container)
    {
        if (container.Sub("securityContext") is not { } security)
        {
            return;
        }

        Id(security, "runAsUser");
        Id(security, "runAsGroup");
        security.OneOf("procMount", "Default", "Unmasked");
        if (security.Str("procMount") == "Unmasked" && spec.Bool("hostUsers") != false)
        {
            security.Invalid("procMount", "Unmasked", "`hostUsers` must be false to use `Unmasked`");
        }

        Profile(security, "seccompProfile", "seccomp");
        Profile(security, "appArmorProfile", "AppArmor");
        if (security.Bool("allowPrivilegeEscalation") == false)
        {
            if (security.Bool("privileged") == true)
            {
                security.Errors.Invalid(security.Path, security.Object, "cannot set `allowPrivilegeEscalation` to false and `privileged` to true");
            }

            if (security.Of("capabilities").Strings("add").Contains("CAP_SYS_ADMIN", StringComparer.Ordinal))
            {
                security.Errors.Invalid(security.Path, security.Object, "cannot set `allowPrivilegeEscalation` to false and `capabilities.Add` CAP_SYS_ADMIN");
            }
        }

        Windows(security, spec);
    }

    private static void Id(Fields security, string field)
    {
        if (security.Int(field) is { } id and (< 0 or > int.MaxValue))
        {
            security.Invalid(field, id, IdRange);
        }
    }

    private static void Profile(Fields security, string field, string what)
    {
        if (security.Sub(field) is not { } profile)
        {
            return;
        }

        switch (profile.Str("type"))
        {
            case "Localhost":
                if (profile.Str("localhostProfile").Length == 0)
                {
                    profile.Required("localhostProfile", $"must be set when {what} type is Localhost");
                }
                else
                {
                    VolumeRules.Descending(profile, "localhostProfile");
                }

                return;
            case "RuntimeDefault" or "Unconfined":
                if (profile.Has("localhostProfile"))
                {
                    profile.Invalid("localhostProfile", profile.Str("localhostProfile"), $"can only be set when {what} type is Localhost");
                }

                return;
            case "":
                profile.Required("type", $"type is required when {field} is set");
                return;
            default:
                profile.OneOf("type", "Localhost", "RuntimeDefault", "Unconfined");
                return;
        }
    }

    private static void Windows(Fields security, Fields spec)
    {
        if (security.Sub("windowsOptions") is not { } windows)
        {
            return;
        }

        if (windows.Has("gmsaCredentialSpecName"))
        {
            windows.RequiredRule("gmsaCredentialSpecName", Metadata.Names.Dns1123SubdomainErrors);
        }

        if (windows.Has("gmsaCredentialSpec") && windows.Str("gmsaCredentialSpec").Length == 0)
        {
            windows.Invalid("gmsaCredentialSpec", "", "gmsaCredentialSpec cannot be an empty string");
        }

        if (windows.Has("runAsUserName") && windows.Str("runAsUserName").Length == 0)
        {
            windows.Invalid("runAsUserName", "", "runAsUserName cannot be an empty string");
        }

        if (windows.Bool("hostProcess") == true && spec.Bool("hostNetwork") != true)
        {
            spec.Invalid("hostNetwork", spec.Bool("hostNetwork") == true, "hostNetwork must be true if pod contains any hostProcess containers");
        }
    }
}
