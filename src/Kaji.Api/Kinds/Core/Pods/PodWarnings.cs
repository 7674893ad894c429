using System.Globalization;
using System.Text.Json.Nodes;
using Kaji.Api.Metadata;

namespace Kaji.Api.Kinds.Core.Pods;

/// <summary>What is accepted in a Pod or a template, but not as its author may think. Wording as Kubernetes' pkg/api/pod/warnings.go, so that clients that match it still do.</summary>
internal static class PodWarnings
{
    private static readonly (string Key, string Message)[] Annotations =
    [
        ("scheduler.alpha.kubernetes.io/critical-pod", "non-functional in v1.16+; use the \"priorityClassName\" field instead"),
        ("security.alpha.kubernetes.io/sysctls", "non-functional in v1.11+; use the \"sysctls\" field instead"),
        ("security.alpha.kubernetes.io/unsafe-sysctls", "non-functional in v1.11+; use the \"sysctls\" field instead"),
    ];

    private static readonly (string Source, string Message)[] Volumes =
    [
        ("photonPersistentDisk", "deprecated in v1.11, non-functional in v1.16+"), ("gitRepo", "deprecated in v1.11"), ("scaleIO", "deprecated in v1.16, non-functional in v1.22+"),
        ("flocker", "deprecated in v1.22, non-functional in v1.25+"), ("storageos", "deprecated in v1.22, non-functional in v1.25+"), ("quobyte", "deprecated in v1.22, non-functional in v1.25+"),
        ("glusterfs", "deprecated in v1.25, non-functional in v1.26+"), ("cephfs", "deprecated in v1.28, non-functional in v1.31+"), ("rbd", "deprecated in v1.28, non-functional in v1.31+"),
    ];

    /// <param name="pod">A Pod or a template.</param>
    /// <param name="path">Where it is: empty, or as <c>spec.template</c>.</param>
    public static void Of(JsonObject? pod, string path, Action<string> warn)
    {
        if (pod.Obj("spec") is not { } obj)
        {
            return;
        }

        var owner = new Fields(pod!, path, []);
        var spec = owner.Of("spec");
        Placement(spec, warn);
        Annotated(owner, spec, warn);
        foreach (var volume in spec.Items("volumes"))
        {
            foreach (var (source, message) in Volumes)
            {
                if (volume.Has(source))
                {
                    warn($"{volume.At(source == "storageos" ? "storageOS" : source)}: {message}");
                }
            }

            if (volume.Of("ephemeral").Of("volumeClaimTemplate").Sub("spec") is { } claim)
            {
                Claim(claim, warn);
            }
        }

        Repeated(spec, "hostAliases", "ip", "ip", warn);
        Repeated(spec, "imagePullSecrets", "name", "name", warn);
        foreach (var secret in spec.Items("imagePullSecrets").Where(s => s.Str("name").Length == 0))
        {
            warn($"{secret.At("name")}: invalid empty name \"\"");
        }

        Fraction(spec, "overhead", "memory", warn);
        Fraction(spec, "overhead", "ephemeral-storage", warn);
        foreach (var container in Containers(spec))
        {
            foreach (var list in (ReadOnlySpan<string>)["limits", "requests"])
            {
                Fraction(container.Of("resources"), list, "memory", warn);
                Fraction(container.Of("resources"), list, "ephemeral-storage", warn);
            }

            Environment(container, warn);
        }

        Ports(spec, warn);
        if (obj.Int("terminationGracePeriodSeconds") is < 0)
        {
            warn($"{spec.At("terminationGracePeriodSeconds")}: must be >= 0; negative values are invalid and will be treated as 1");
        }
    }

    /// <summary>A name that can't be the Pod's host name as it is.</summary>
    public static void Name(JsonObject pod, Action<string> warn)
    {
        if (Names.Dns1123LabelErrors(pod.Obj("metadata").Str("name")) is { Count: > 0 } problems)
        {
            warn($"metadata.name: this is used in the Pod's hostname, which can result in surprising behavior; a DNS label is recommended: [{string.Join(' ', problems)}]");
        }
    }

    /// <summary>A claim's storage in fractions of bytes.</summary>
    public static void Claim(Fields spec, Action<string> warn)
    {
        Fraction(spec.Of("resources"), "requests", "storage", warn);
        Fraction(spec.Of("resources"), "limits", "storage", warn);
    }

    private static IEnumerable<Fields> Containers(Fields spec) => spec.Items("initContainers").Concat(spec.Items("containers")).Concat(spec.Items("ephemeralContainers"));

    private static void Placement(Fields spec, Action<string> warn)
    {
        foreach (var (key, _) in spec.Object.Obj("nodeSelector") ?? [])
        {
            if (NodeLabels.Deprecated(key) is { } message)
            {
                warn($"{spec.At("nodeSelector")}[{key}]: {message}");
            }
        }

        var nodes = spec.Of("affinity").Of("nodeAffinity");
        foreach (var term in nodes.Of("requiredDuringSchedulingIgnoredDuringExecution").Items("nodeSelectorTerms"))
        {
            NodeLabels.Term(term, warn);
        }

        foreach (var preferred in nodes.Items("preferredDuringSchedulingIgnoredDuringExecution"))
        {
            NodeLabels.Term(preferred.Of("preference"), warn);
        }

        foreach (var constraint in spec.Items("topologySpreadConstraints"))
        {
            if (NodeLabels.Deprecated(constraint.Str("topologyKey")) is { } message)
            {
                warn($"{constraint.At("topologyKey")}: {constraint.Str("topologyKey")} is {message}");
            }

            if (!constraint.Has("labelSelector"))
            {
                warn($"{constraint.At("labelSelector")}: a null labelSelector results in matching no pod");
            }
        }

        foreach (var kind in (ReadOnlySpan<string>)["podAffinity", "podAntiAffinity"])
        {
            var pods = spec.Of("affinity").Of(kind);
            foreach (var term in pods.Items("requiredDuringSchedulingIgnoredDuringExecution").Concat(pods.Items("preferredDuringSchedulingIgnoredDuringExecution").Select(p => p.Of("podAffinityTerm"))))
            {
                if (!term.Has("labelSelector"))
                {
                    warn($"{term.At("labelSelector")}: a null labelSelector results in matching no pod");
                }
            }
        }
    }

    private static void Annotated(Fields owner, Fields spec, Action<string> warn)
    {
        if (owner.Object.Obj("metadata").Obj("annotations") is not { Count: > 0 } annotations)
        {
            return;
        }

        var at = owner.Of("metadata").At("annotations");
        foreach (var (key, message) in Annotations)
        {
            if (annotations.ContainsKey(key))
            {
                warn($"{at}[{key}]: {message}");
            }
        }

        const string Seccomp = "seccomp.security.alpha.kubernetes.io/pod";
        if (!spec.Of("securityContext").Has("seccompProfile") && annotations.ContainsKey(Seccomp))
        {
            warn($"{at}[{Seccomp}]: non-functional in v1.27+; use the \"seccompProfile\" field instead");
        }

        foreach (var container in Containers(spec))
        {
            var name = container.Str("name");
            if (!container.Of("securityContext").Has("seccompProfile") && annotations.ContainsKey($"container.seccomp.security.alpha.kubernetes.io/{name}"))
            {
                warn($"{at}[container.seccomp.security.alpha.kubernetes.io/{name}]: non-functional in v1.27+; use the \"seccompProfile\" field instead");
            }

            if (!spec.Of("securityContext").Has("appArmorProfile") && !container.Of("securityContext").Has("appArmorProfile") && annotations.ContainsKey($"container.apparmor.security.beta.kubernetes.io/{name}"))
            {
                warn($"{at}[container.apparmor.security.beta.kubernetes.io/{name}]: deprecated since v1.30; use the \"appArmorProfile\" field instead");
            }
        }
    }

    private static void Repeated(Fields spec, string list, string key, string what, Action<string> warn)
    {
        var seen = new HashSet<string>(StringComparer.Ordinal);
        foreach (var item in spec.Items(list).Where(i => !seen.Add(i.Str(key))))
        {
            warn($"{item.At(key)}: duplicate {what} \"{item.Str(key)}\"");
        }
    }

    private static void Fraction(Fields owner, string list, string name, Action<string> warn)
    {
        if (owner.Object.Obj(list)?[name].Text() is { Length: > 0 } text && Quantity.TryParse(text, out var amount) && amount.MilliValue % 1000 != 0)
        {
            warn($"{owner.At(list)}[{name}]: fractional byte value \"{text}\" is invalid, must be an integer");
        }
    }

    private static void Environment(Fields container, Action<string> warn)
    {
        var (seen, index) = (new HashSet<string>(StringComparer.Ordinal), 0);
        foreach (var variable in container.Items("env"))
        {
            var (name, value, at) = (variable.Str("name"), variable.Str("value"), index++);
            if (!seen.Add(name) && (variable.Has("valueFrom") || value == $"$({name})" || !value.Contains($"$({name})", StringComparison.Ordinal)))
            {
                warn($"{container.At("env", at)}: hides previous definition of \"{name}\", which may be dropped when using apply");
            }
        }
    }

    private static void Ports(Fields spec, Action<string> warn)
    {
        var all = new List<(string Key, Fields Port)>();
        var names = new Dictionary<string, Fields>(StringComparer.Ordinal);
        foreach (var port in Containers(spec).SelectMany(c => c.Items("ports")))
        {
            var key = string.Create(CultureInfo.InvariantCulture, $"{port.Int("containerPort")}/{port.Str("protocol")}");
            var (ip, host) = (port.Str("hostIP"), port.Int("hostPort") ?? 0);
            foreach (var (_, other) in all.Where(p => p.Key == key))
            {
                var (otherIp, otherHost) = (other.Str("hostIP"), other.Int("hostPort") ?? 0);
                if (ip == otherIp && host == otherHost)
                {
                    warn($"{port.Path}: duplicate port definition with {other.Path}");
                }
                else if (host == 0 || otherHost == 0 || (host == otherHost && (ip.Length == 0 || otherIp.Length == 0)))
                {
                    warn($"{port.Path}: overlapping port definition with {other.Path}");
                }
            }

            all.Add((key, port));
            if (port.Str("name") is { Length: > 0 } name && !names.TryAdd(name, port))
            {
                warn($"{port.At("name")}: duplicate port name \"{name}\" with {names[name].At("name")}, services and probes that select ports by name will use {names[name].At("name")}");
            }
        }
    }
}
