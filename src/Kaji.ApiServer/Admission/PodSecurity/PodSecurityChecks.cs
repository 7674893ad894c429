using System.Text.Json.Nodes;
using Kaji.Api.Kinds;

namespace Kaji.ApiServer.Admission.PodSecurity;

/// <summary>One way in which a Pod breaks a level: <c>privileged (container "c" must not set securityContext.privileged=true)</c>.</summary>
internal sealed record Violation(string Reason, string Detail)
{
    public override string ToString() => Detail.Length == 0 ? Reason : $"{Reason} ({Detail})";
}

/// <summary>
/// The checks of the Pod Security Standards, each with its level and the minor version from which it counts. Pure.
/// https://kubernetes.io/docs/concepts/security/pod-security-standards/
/// </summary>
internal static class PodSecurityChecks
{
    /// <summary>Of the baseline first, by name, then of restricted: the order in which refusals list them.</summary>
    private static readonly Check[] All =
    [
        new("appArmorProfile", Restricted: false, 0, BaselineChecks.AppArmor),
        new("capabilities_baseline", Restricted: false, 0, BaselineChecks.Capabilities),
        new("hostNamespaces", Restricted: false, 0, BaselineChecks.HostNamespaces),
        new("hostPathVolumes", Restricted: false, 0, BaselineChecks.HostPath),
        new("hostPorts", Restricted: false, 0, BaselineChecks.HostPorts),
        new("hostProbesAndHostLifecycle", Restricted: false, 34, BaselineChecks.ProbeHosts),
        new("privileged", Restricted: false, 0, BaselineChecks.Privileged),
        new("procMount", Restricted: false, 0, BaselineChecks.ProcMount),
        new("seLinuxOptions", Restricted: false, 0, BaselineChecks.SeLinux),
        new("seccompProfile_baseline", Restricted: false, 19, BaselineChecks.Seccomp),
        new("sysctls", Restricted: false, 0, BaselineChecks.Sysctls),
        new("windowsHostProcess", Restricted: false, 0, BaselineChecks.HostProcess),
        new("allowPrivilegeEscalation", Restricted: true, 8, RestrictedChecks.PrivilegeEscalation) { LinuxOnlyFrom = 25 },
        new("capabilities_restricted", Restricted: true, 22, RestrictedChecks.Capabilities) { LinuxOnlyFrom = 25, Overrides = "capabilities_baseline" },
        new("restrictedVolumes", Restricted: true, 0, RestrictedChecks.Volumes) { Overrides = "hostPathVolumes" },
        new("runAsNonRoot", Restricted: true, 0, RestrictedChecks.NonRoot),
        new("runAsUser", Restricted: true, 23, RestrictedChecks.User),
        new("seccompProfile_restricted", Restricted: true, 19, RestrictedChecks.Seccomp) { LinuxOnlyFrom = 25, Overrides = "seccompProfile_baseline" },
    ];

    /// <summary>What of a level a Pod breaks; nothing of the privileged one.</summary>
    public static IReadOnlyList<Violation> Evaluate(PodSecurityPolicy policy, JsonObject? metadata, JsonObject? spec)
    {
        if (policy.Level == PodSecurityLevel.Privileged)
        {
            return [];
        }

        var windows = spec.Obj("os").Str("name") == "windows";
        var due = All.Where(c => c.Since <= policy.Minor && (!c.Restricted || policy.Level == PodSecurityLevel.Restricted)).ToArray();
        var overridden = due.Select(c => c.Overrides).Where(o => o is not null).ToHashSet(StringComparer.Ordinal);
        var pod = new PodView(metadata, spec ?? [], policy.Minor);
        return [.. due.Where(c => !overridden.Contains(c.Id) && !(windows && c.LinuxOnlyFrom <= policy.Minor)).Select(c => c.Run(pod)).OfType<Violation>()];
    }

    /// <param name="Since">The first minor version in which it counts.</param>
    private sealed record Check(string Id, bool Restricted, int Since, Func<PodView, Violation?> Run)
    {
        /// <summary>Pods for Windows are spared from this minor version on.</summary>
        public int LinuxOnlyFrom { get; init; } = int.MaxValue;

        /// <summary>A check of the lower level that this one contains.</summary>
        public string? Overrides { get; init; }
    }
}

/// <summary>A Pod as the checks look at it, and the phrases they share.</summary>
internal sealed class PodView(JsonObject? metadata, JsonObject spec, int minor)
{
    public JsonObject? Annotations => metadata.Obj("annotations");

    public JsonObject Spec => spec;

    public int Minor => minor;

    public JsonObject? Security => spec.Obj("securityContext");

    public IEnumerable<JsonObject> Containers => spec.Items("initContainers").Concat(spec.Items("containers")).Concat(spec.Items("ephemeralContainers"));

    /// <summary>Names of the containers for which something is so.</summary>
    public string[] Where(Func<JsonObject, bool> container) => [.. Containers.Where(container).Select(c => c.Str("name"))];

    /// <summary><c>container "a"</c>, <c>containers "a", "b"</c>.</summary>
    public static string Named(string what, IReadOnlyCollection<string> names) => $"{what}{(names.Count == 1 ? "" : "s")} {Quoted(names)}";

    public static string Quoted(IEnumerable<string> names) => string.Join(", ", names.Select(n => $"\"{n}\""));

    /// <summary><c>pod and container "a"</c>.</summary>
    public static string Setters(bool pod, IReadOnlyCollection<string> containers) =>
        string.Join(" and ", ((string[])[pod ? "pod" : "", containers.Count > 0 ? Named("container", containers) : ""]).Where(s => s.Length > 0));
}
