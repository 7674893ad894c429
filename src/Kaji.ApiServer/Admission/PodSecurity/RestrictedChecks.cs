using System.Text.Json.Nodes;
using Kaji.Api.Kinds;

namespace Kaji.ApiServer.Admission.PodSecurity;

/// <summary>Restricted: today's best practice of hardening.</summary>
internal static class RestrictedChecks
{
    private static readonly HashSet<string> VolumeTypes = new(StringComparer.Ordinal) { "configMap", "csi", "downwardAPI", "emptyDir", "ephemeral", "persistentVolumeClaim", "projected", "secret", "image" };

    public static Violation? Volumes(PodView pod)
    {
        var types = new SortedSet<string>(StringComparer.Ordinal);
        var names = new List<string>();
        foreach (var volume in pod.Spec.Items("volumes"))
        {
            var type = volume.FirstOrDefault(p => p.Key != "name" && p.Value is not null).Key;
            if (type is not null && !VolumeTypes.Contains(type))
            {
                names.Add(volume.Str("name"));
                types.Add(type);
            }
        }

        return names.Count > 0
            ? new("restricted volume types", $"{PodView.Named("volume", names)} {(names.Count == 1 ? "uses" : "use")} restricted volume {PodView.Named("type", types)}")
            : null;
    }

    public static Violation? PrivilegeEscalation(PodView pod)
    {
        var names = pod.Where(c => c.Obj("securityContext").Bool("allowPrivilegeEscalation") != false);
        return names.Length > 0 ? new("allowPrivilegeEscalation != false", $"{PodView.Named("container", names)} must set securityContext.allowPrivilegeEscalation=false") : null;
    }

    public static Violation? NonRoot(PodView pod)
    {
        const string Reason = "runAsNonRoot != true";
        var inPod = pod.Security.Bool("runAsNonRoot");
        var explicitly = pod.Where(c => c.Obj("securityContext").Bool("runAsNonRoot") == false);
        var implicitly = pod.Where(c => c.Obj("securityContext").Bool("runAsNonRoot") is null && inPod is null);
        if (explicitly.Length > 0)
        {
            return new(Reason, $"{PodView.Setters(inPod == false, explicitly)} must not set securityContext.runAsNonRoot=false");
        }

        if (inPod == false && pod.Where(c => c.Obj("securityContext").Bool("runAsNonRoot") is null).Length > 0)
        {
            return new(Reason, "pod must not set securityContext.runAsNonRoot=false");
        }

        return implicitly.Length > 0 ? new(Reason, $"pod or {PodView.Named("container", implicitly)} must set securityContext.runAsNonRoot=true") : null;
    }

    public static Violation? User(PodView pod)
    {
        var (inPod, names) = (pod.Security.Int("runAsUser") == 0, pod.Where(c => c.Obj("securityContext").Int("runAsUser") == 0));
        return inPod || names.Length > 0 ? new("runAsUser=0", $"{PodView.Setters(inPod, names)} must not set runAsUser=0") : null;
    }

    public static Violation? Seccomp(PodView pod)
    {
        const string Reason = "seccompProfile";
        static bool? Valid(JsonObject? security) => security.Obj("seccompProfile") is { } profile ? profile.Str("type") is "RuntimeDefault" or "Localhost" : null;
        var inPod = Valid(pod.Security);
        var values = new SortedSet<string>(StringComparer.Ordinal);
        var explicitly = pod.Where(c => Valid(c.Obj("securityContext")) == false && (values.Add(c.Obj("securityContext").Obj("seccompProfile").Str("type")) | true));
        if (inPod == false)
        {
            values.Add(pod.Security.Obj("seccompProfile").Str("type"));
        }

        if (inPod == false || explicitly.Length > 0)
        {
            return new(Reason, $"{PodView.Setters(inPod == false, explicitly)} must not set securityContext.seccompProfile.type to {PodView.Quoted(values)}");
        }

        var implicitly = inPod == true ? [] : pod.Where(c => Valid(c.Obj("securityContext")) is null);
        return implicitly.Length > 0 ? new(Reason, $"pod or {PodView.Named("container", implicitly)} must set securityContext.seccompProfile.type to \"RuntimeDefault\" or \"Localhost\"") : null;
    }

    public static Violation? Capabilities(PodView pod)
    {
        var keeping = pod.Where(c => !BaselineChecks.Texts(c.Obj("securityContext").Obj("capabilities"), "drop").Contains("ALL", StringComparer.Ordinal));
        var added = new SortedSet<string>(StringComparer.Ordinal);
        var adding = pod.Where(c =>
        {
            var more = BaselineChecks.Texts(c.Obj("securityContext").Obj("capabilities"), "add").Where(a => a != "NET_BIND_SERVICE").ToArray();
            added.UnionWith(more);
            return more.Length > 0;
        });
        var details = new List<string>();
        if (keeping.Length > 0)
        {
            details.Add($"{PodView.Named("container", keeping)} must set securityContext.capabilities.drop=[\"ALL\"]");
        }

        if (adding.Length > 0)
        {
            details.Add($"{PodView.Named("container", adding)} must not include {PodView.Quoted(added)} in securityContext.capabilities.add");
        }

        return details.Count > 0 ? new("unrestricted capabilities", string.Join("; ", details)) : null;
    }
}
