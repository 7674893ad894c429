using System.Text.Json.Nodes;
using Kaji.Api.Kinds;

namespace Kaji.ApiServer.Admission.PodSecurity;

/// <summary>Baseline: nothing that is known to lead to more privileges on the node.</summary>
internal static class BaselineChecks
{
    private const string AppArmorPrefix = "container.apparmor.security.beta.kubernetes.io/";

    private static readonly HashSet<string> DefaultCapabilities = new(StringComparer.Ordinal)
    {
        "AUDIT_WRITE", "CHOWN", "DAC_OVERRIDE", "FOWNER", "FSETID", "KILL", "MKNOD", "NET_BIND_SERVICE", "SETFCAP", "SETGID", "SETPCAP", "SETUID", "SYS_CHROOT",
    };

    /// <summary>Sysctls that are namespaced and harmless, with the version that allowed them.</summary>
    private static readonly Dictionary<string, int> SafeSysctls = new(StringComparer.Ordinal)
    {
        ["kernel.shm_rmid_forced"] = 0, ["net.ipv4.ip_local_port_range"] = 0, ["net.ipv4.tcp_syncookies"] = 0, ["net.ipv4.ping_group_range"] = 0, ["net.ipv4.ip_unprivileged_port_start"] = 0,
        ["net.ipv4.ip_local_reserved_ports"] = 27, ["net.ipv4.tcp_keepalive_time"] = 29, ["net.ipv4.tcp_fin_timeout"] = 29, ["net.ipv4.tcp_keepalive_intvl"] = 29,
        ["net.ipv4.tcp_keepalive_probes"] = 29, ["net.ipv4.tcp_rmem"] = 32, ["net.ipv4.tcp_wmem"] = 32,
    };

    public static Violation? HostProcess(PodView pod)
    {
        static bool Set(JsonObject? security) => security.Obj("windowsOptions").Bool("hostProcess") == true;
        var (inPod, names) = (Set(pod.Security), pod.Where(c => Set(c.Obj("securityContext"))));
        return inPod || names.Length > 0 ? new("hostProcess", $"{PodView.Setters(inPod, names)} must not set securityContext.windowsOptions.hostProcess=true") : null;
    }

    public static Violation? HostNamespaces(PodView pod)
    {
        var set = ((string[])["hostNetwork", "hostPID", "hostIPC"]).Where(f => pod.Spec.Bool(f) == true).Select(f => f + "=true").ToArray();
        return set.Length > 0 ? new("host namespaces", string.Join(", ", set)) : null;
    }

    public static Violation? Privileged(PodView pod)
    {
        var names = pod.Where(c => c.Obj("securityContext").Bool("privileged") == true);
        return names.Length > 0 ? new("privileged", $"{PodView.Named("container", names)} must not set securityContext.privileged=true") : null;
    }

    public static Violation? Capabilities(PodView pod)
    {
        var added = new SortedSet<string>(StringComparer.Ordinal);
        var names = pod.Where(c =>
        {
            var more = Texts(c.Obj("securityContext").Obj("capabilities"), "add").Where(a => !DefaultCapabilities.Contains(a)).ToArray();
            added.UnionWith(more);
            return more.Length > 0;
        });
        return names.Length > 0 ? new("non-default capabilities", $"{PodView.Named("container", names)} must not include {PodView.Quoted(added)} in securityContext.capabilities.add") : null;
    }

    public static Violation? HostPath(PodView pod)
    {
        var names = pod.Spec.Items("volumes").Where(v => v["hostPath"] is not null).Select(v => v.Str("name")).ToArray();
        return names.Length > 0 ? new("hostPath volumes", PodView.Named("volume", names)) : null;
    }

    public static Violation? HostPorts(PodView pod)
    {
        var ports = new List<string>();
        var names = pod.Where(c =>
        {
            var own = c.Items("ports").Where(p => (p.Int("hostPort") ?? 0) != 0).Select(p => p["hostPort"].Text()).ToArray();
            ports.AddRange(own);
            return own.Length > 0;
        });
        var distinct = ports.Distinct(StringComparer.Ordinal).Order(StringComparer.Ordinal).ToArray();
        return names.Length > 0
            ? new("hostPort", $"{PodView.Named("container", names)} {(names.Length == 1 ? "uses" : "use")} {(distinct.Length == 1 ? "hostPort" : "hostPorts")} {string.Join(", ", distinct)}")
            : null;
    }

    public static Violation? ProbeHosts(PodView pod)
    {
        var hosts = new SortedSet<string>(StringComparer.Ordinal);
        var names = pod.Where(c =>
        {
            var own = ((string[])["livenessProbe", "readinessProbe", "startupProbe"]).Select(p => c.Obj(p)).Concat(((string[])["postStart", "preStop"]).Select(h => c.Obj("lifecycle").Obj(h)))
                .SelectMany(h => (string[])[h.Obj("httpGet").Str("host"), h.Obj("tcpSocket").Str("host")]).Where(h => h is not ("" or "127.0.0.1" or "::1")).ToArray();
            hosts.UnionWith(own);
            return own.Length > 0;
        });
        return names.Length > 0
            ? new("probe or lifecycle host", $"{PodView.Named("container", names)} {(names.Length == 1 ? "uses" : "use")} probe or lifecycle {(hosts.Count == 1 ? "host" : "hosts")} {PodView.Quoted(hosts)}")
            : null;
    }

    public static Violation? AppArmor(PodView pod)
    {
        static string? Forbidden(JsonObject? security) => security.Obj("appArmorProfile") is { } profile && profile.Str("type") is not ("RuntimeDefault" or "Localhost") ? profile.Str("type") : null;
        var values = new SortedSet<string>(StringComparer.Ordinal);
        bool Bad(JsonObject? security)
        {
            if (Forbidden(security) is not { } value)
            {
                return false;
            }

            values.Add(value);
            return true;
        }

        var (inPod, names) = (Bad(pod.Security), pod.Where(c => Bad(c.Obj("securityContext"))));
        var annotations = (pod.Annotations ?? []).Where(a => a.Key.StartsWith(AppArmorPrefix, StringComparison.Ordinal) && a.Value.Text() is not ("" or "runtime/default") && !a.Value.Text().StartsWith("localhost/", StringComparison.Ordinal))
            .Select(a => $"{a.Key}=\"{a.Value.Text()}\"").Order(StringComparer.Ordinal).ToArray();
        var details = new List<string>();
        if (values.Count > 0)
        {
            details.Add($"{PodView.Setters(inPod, names)} must not set AppArmor profile type to {PodView.Quoted(values)}");
        }

        if (annotations.Length > 0)
        {
            details.Add($"{(annotations.Length == 1 ? "annotation" : "annotations")} {string.Join(", ", annotations)}");
        }

        return details.Count > 0 ? new(values.Count + annotations.Length == 1 ? "forbidden AppArmor profile" : "forbidden AppArmor profiles", string.Join("; ", details)) : null;
    }

    public static Violation? SeLinux(PodView pod)
    {
        var (types, user, role) = (new SortedSet<string>(StringComparer.Ordinal), false, false);
        bool Bad(JsonObject? security)
        {
            if (security.Obj("seLinuxOptions") is not { } options)
            {
                return false;
            }

            var allowed = options.Str("type") is "" or "container_t" or "container_init_t" or "container_kvm_t" || (options.Str("type") == "container_engine_t" && pod.Minor >= 31);
            if (!allowed)
            {
                types.Add(options.Str("type"));
            }

            user |= options.Str("user").Length > 0;
            role |= options.Str("role").Length > 0;
            return !allowed || options.Str("user").Length > 0 || options.Str("role").Length > 0;
        }

        var (inPod, names) = (Bad(pod.Security), pod.Where(c => Bad(c.Obj("securityContext"))));
        if (!inPod && names.Length == 0)
        {
            return null;
        }

        var data = ((string[])[types.Count > 0 ? PodView.Named("type", types) : "", user ? "user may not be set" : "", role ? "role may not be set" : ""]).Where(d => d.Length > 0);
        return new("seLinuxOptions", $"{PodView.Setters(inPod, names)} set forbidden securityContext.seLinuxOptions: {string.Join("; ", data)}");
    }

    public static Violation? ProcMount(PodView pod)
    {
        var values = new SortedSet<string>(StringComparer.Ordinal);
        var names = pod.Where(c => c.Obj("securityContext").Str("procMount") is not ("" or "Default") and var value && values.Add(value) | true);
        return names.Length > 0 ? new("procMount", $"{PodView.Named("container", names)} must not set securityContext.procMount to {PodView.Quoted(values)}") : null;
    }

    public static Violation? Seccomp(PodView pod)
    {
        var (inPod, names) = (IsUnconfined(pod.Security), pod.Where(c => IsUnconfined(c.Obj("securityContext"))));
        return inPod || names.Length > 0 ? new("seccompProfile", $"{PodView.Setters(inPod, names)} must not set securityContext.seccompProfile.type to \"Unconfined\"") : null;
    }

    public static Violation? Sysctls(PodView pod)
    {
        var names = pod.Security.Items("sysctls").Select(s => s.Str("name")).Where(n => !SafeSysctls.TryGetValue(n, out var since) || since > pod.Minor).ToArray();
        return names.Length > 0 ? new("forbidden sysctls", string.Join(", ", names)) : null;
    }

    internal static IEnumerable<string> Texts(JsonObject? obj, string field) => (obj?[field] as JsonArray)?.Select(v => v.Text()) ?? [];

    private static bool IsUnconfined(JsonObject? security) => security.Obj("seccompProfile").Str("type") == "Unconfined";
}
