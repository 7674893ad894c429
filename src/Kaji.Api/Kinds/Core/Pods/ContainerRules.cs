using System.Globalization;
using System.Text.Json.Nodes;
using Kaji.Api.Errors;
using Kaji.Api.Metadata;

namespace Kaji.Api.Kinds.Core.Pods;

/// <summary>Validation of a Pod's containers: application, init, sidecar and ephemeral ones.</summary>
internal static class ContainerRules
{
    private static readonly string[] NotEphemeral = ["ports", "livenessProbe", "readinessProbe", "startupProbe", "lifecycle", "resizePolicy", "restartPolicy", "restartPolicyRules"];
    private static readonly string[] OfSidecars = ["lifecycle", "livenessProbe", "readinessProbe", "startupProbe"];

    /// <param name="volumes">The Pod's volumes by name.</param>
    /// <param name="claims">The names of the Pod's resource claims.</param>
    public static void Containers(Fields spec, IReadOnlyDictionary<string, JsonObject> volumes, IReadOnlySet<string> claims)
    {
        if (!spec.HasAny("containers"))
        {
            spec.Required("containers");
        }

        var names = new HashSet<string>(StringComparer.Ordinal);
        var hostPorts = new HashSet<string>(StringComparer.Ordinal);
        foreach (var container in spec.Items("containers"))
        {
            container.Unique("name", Names.Dns1123LabelErrors, names);
            Common(spec, container, volumes, claims);
            HostPorts(spec, container, hostPorts);
            Handlers(spec, container);
            RestartPolicy(container, sidecar: false);
        }

        var sidecarPorts = new HashSet<string>(StringComparer.Ordinal);
        foreach (var container in spec.Items("initContainers"))
        {
            var sidecar = container.Str("restartPolicy") == "Always";
            container.Unique("name", Names.Dns1123LabelErrors, names);
            Common(spec, container, volumes, claims);
            HostPorts(spec, container, sidecar ? hostPorts : sidecarPorts);
            RestartPolicy(container, sidecar);
            if (sidecar)
            {
                Handlers(spec, container);
                continue;
            }

            foreach (var field in OfSidecars.Where(container.Has))
            {
                container.Forbidden(field, "may not be set for init containers without restartPolicy=Always");
            }
        }

        Ephemeral(spec, names, volumes, claims);
    }

    private static void Ephemeral(Fields spec, HashSet<string> names, IReadOnlyDictionary<string, JsonObject> volumes, IReadOnlySet<string> claims)
    {
        foreach (var container in spec.Items("ephemeralContainers"))
        {
            container.Unique("name", Names.Dns1123LabelErrors, names);
            Common(spec, container, volumes, claims);
            if (container.Str("targetContainerName") is { Length: > 0 } target
                && !spec.Object.Items("containers").Concat(spec.Object.Items("initContainers")).Any(c => c.Str("name") == target))
            {
                container.Errors.NotFound(container.At("targetContainerName"), target);
            }

            foreach (var field in NotEphemeral.Where(container.Has))
            {
                container.Forbidden(field, "cannot be set for an Ephemeral Container");
            }

            if (container.Of("resources").Object.Count > 0)
            {
                container.Forbidden("resources", "cannot be set for an Ephemeral Container");
            }

            foreach (var mount in container.Items("volumeMounts"))
            {
                foreach (var field in (ReadOnlySpan<string>)["subPath", "subPathExpr"])
                {
                    if (mount.Str(field).Length > 0)
                    {
                        mount.Forbidden(field, "cannot be set for an Ephemeral Container");
                    }
                }
            }
        }
    }

    private static void Common(Fields spec, Fields container, IReadOnlyDictionary<string, JsonObject> volumes, IReadOnlySet<string> claims)
    {
        var image = container.Str("image");
        if (container.Present("image") && image.AsSpan().Trim().Length != image.Length)
        {
            container.Invalid("image", image, "must not have leading or trailing whitespace");
        }

        container.OneOf("terminationMessagePolicy", "File", "FallbackToLogsOnError");
        Ports(container);
        EnvironmentRules.Validate(spec, container);
        MountRules.Mounts(container, volumes);
        MountRules.Devices(container, volumes);
        container.RequiredOneOf("imagePullPolicy", "Always", "IfNotPresent", "Never");
        ResourceRules.Container(container, claims);
        SecurityRules.Container(spec, container);
        var resized = new HashSet<string>(StringComparer.Ordinal);
        foreach (var policy in container.Items("resizePolicy"))
        {
            policy.RequiredOneOf("resourceName", "cpu", "memory");
            policy.RequiredOneOf("restartPolicy", "NotRequired", "RestartContainer");
            if (!resized.Add(policy.Str("resourceName")))
            {
                policy.Errors.Duplicate(policy.Path, policy.Str("resourceName"));
            }
        }
    }

    private static void Ports(Fields container)
    {
        var names = new HashSet<string>(StringComparer.Ordinal);
        foreach (var port in container.Items("ports"))
        {
            if (port.Str("name") is { Length: > 0 } name)
            {
                if (Names.PortNameErrors(name) is { Count: > 0 } problems)
                {
                    foreach (var problem in problems)
                    {
                        port.Invalid("name", name, problem);
                    }
                }
                else if (!names.Add(name))
                {
                    port.Duplicate("name", name);
                }
            }

            if (port.Int("containerPort") is null or 0)
            {
                port.Required("containerPort");
            }
            else
            {
                port.Port("containerPort");
            }

            if (port.Int("hostPort") is not 0)
            {
                port.Port("hostPort");
            }

            port.RequiredOneOf("protocol", "SCTP", "TCP", "UDP");
        }
    }

    private static void HostPorts(Fields spec, Fields container, HashSet<string> taken)
    {
        var hostNetwork = spec.Bool("hostNetwork") == true;
        foreach (var port in container.Items("ports"))
        {
            if (port.Int("hostPort") is not { } number || number == 0)
            {
                continue;
            }

            var key = string.Create(CultureInfo.InvariantCulture, $"{port.Str("protocol")}/{port.Str("hostIP")}/{number}");
            if (!taken.Add(key))
            {
                port.Duplicate("hostPort", key);
            }

            if (hostNetwork && number != port.Int("containerPort"))
            {
                port.Invalid("containerPort", port.Int("containerPort"), "must match `hostPort` when `hostNetwork` is true");
            }
        }
    }

    private static void Handlers(Fields spec, Fields container)
    {
        foreach (var name in (ReadOnlySpan<string>)["livenessProbe", "readinessProbe", "startupProbe"])
        {
            if (container.Sub(name) is { } probe)
            {
                HandlerRules.Probe(probe, name == "readinessProbe");
            }
        }

        if (container.Sub("lifecycle") is { } lifecycle)
        {
            HandlerRules.Lifecycle(spec, lifecycle);
        }
    }

    /// <summary>A container's own restart policy, and the rules by exit code that go before it.</summary>
    private static void RestartPolicy(Fields container, bool sidecar)
    {
        container.OneOf("restartPolicy", "Always", "Never", "OnFailure");
        if (!container.HasAny("restartPolicyRules"))
        {
            return;
        }

        if (!container.Has("restartPolicy"))
        {
            container.Required("restartPolicy", "must specify restartPolicy when restart rules are used");
        }
        else if (sidecar)
        {
            container.Forbidden("restartPolicyRules", "may not be set for init containers with restartPolicy=Always");
        }

        container.AtMost("restartPolicyRules", 20);
        foreach (var rule in container.Items("restartPolicyRules"))
        {
            rule.RequiredOneOf("action", "Restart", "RestartAllContainers");
            if (rule.Sub("exitCodes") is not { } codes)
            {
                rule.Required("exitCodes", "must be specified");
                continue;
            }

            codes.RequiredOneOf("operator", "In", "NotIn");
            if (!codes.HasAny("values"))
            {
                codes.Required("values", "must specify at least one value");
            }

            codes.AtMost("values", 255);
        }
    }
}
