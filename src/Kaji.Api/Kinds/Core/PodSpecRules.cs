using System.Globalization;
using System.Text.Json.Nodes;
using Kaji.Api.Errors;
using Kaji.Api.Metadata;

namespace Kaji.Api.Kinds.Core;

/// <summary>
/// Defaults and validation of a PodSpec, shared by Pods and by every template. Rules and wording follow k8s.io/kubernetes/pkg/apis/core.
/// </summary>
internal static class PodSpecRules
{
    private static readonly string[] RestartPolicies = ["Always", "OnFailure", "Never"];
    private static readonly string[] PullPolicies = ["Always", "IfNotPresent", "Never"];
    private static readonly string[] DnsPolicies = ["ClusterFirstWithHostNet", "ClusterFirst", "Default", "None"];
    private static readonly string[] Protocols = ["TCP", "UDP", "SCTP"];

    public static void Default(JsonObject spec)
    {
        spec.Default("restartPolicy", "Always");
        spec.Default("dnsPolicy", "ClusterFirst");
        spec.Default("schedulerName", "default-scheduler");
        spec.Default("terminationGracePeriodSeconds", 30);
        spec.Ensure("securityContext");
        if (spec.Str("serviceAccountName").Length == 0 && spec.Str("serviceAccount").Length > 0)
        {
            spec["serviceAccountName"] = spec.Str("serviceAccount");
        }
        else if (spec.Str("serviceAccountName").Length > 0)
        {
            spec["serviceAccount"] = spec.Str("serviceAccountName");
        }

        foreach (var list in (ReadOnlySpan<string>)["initContainers", "containers", "ephemeralContainers"])
        {
            foreach (var container in spec.Items(list))
            {
                DefaultContainer(container, spec.Bool("hostNetwork") == true);
            }
        }

        foreach (var volume in spec.Items("volumes"))
        {
            DefaultVolume(volume);
        }
    }

    public static void Validate(JsonObject spec, string path, ICollection<FieldError> errors)
    {
        var volumes = new HashSet<string>(StringComparer.Ordinal);
        var index = 0;
        foreach (var volume in spec.Items("volumes"))
        {
            ValidateVolume(volume, $"{path}.volumes[{index}]", volumes, errors);
            index++;
        }

        if (!spec.Items("containers").Any())
        {
            errors.Required($"{path}.containers");
        }

        var names = new HashSet<string>(StringComparer.Ordinal);
        var hostPorts = new HashSet<string>(StringComparer.Ordinal);
        foreach (var list in (ReadOnlySpan<string>)["containers", "initContainers"])
        {
            index = 0;
            foreach (var container in spec.Items(list))
            {
                ValidateContainer(container, $"{path}.{list}[{index}]", list == "initContainers", names, hostPorts, volumes, errors);
                index++;
            }
        }

        OneOf(spec, "restartPolicy", path, RestartPolicies, errors);
        OneOf(spec, "dnsPolicy", path, DnsPolicies, errors);
        if (spec.Int("terminationGracePeriodSeconds") is < 0)
        {
            errors.Invalid($"{path}.terminationGracePeriodSeconds", spec.Int("terminationGracePeriodSeconds"), "must be greater than or equal to 0");
        }

        if (spec.Int("activeDeadlineSeconds") is < 1)
        {
            errors.Invalid($"{path}.activeDeadlineSeconds", spec.Int("activeDeadlineSeconds"), "must be between 1 and 2147483647, inclusive");
        }

        foreach (var (field, rule) in (ReadOnlySpan<(string, Func<string, IReadOnlyList<string>>)>)[("hostname", Names.Dns1123LabelErrors), ("subdomain", Names.Dns1123LabelErrors), ("serviceAccountName", Names.Dns1123SubdomainErrors), ("nodeName", Names.Dns1123SubdomainErrors)])
        {
            if (spec.Str(field) is { Length: > 0 } value && rule(value) is [var problem, ..])
            {
                errors.Invalid($"{path}.{field}", value, problem);
            }
        }

        Labels(spec.Obj("nodeSelector"), $"{path}.nodeSelector", errors);
        SysctlRules.Validate(spec, path, errors);
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

    private static void DefaultContainer(JsonObject container, bool hostNetwork)
    {
        container.Default("terminationMessagePath", "/dev/termination-log");
        container.Default("terminationMessagePolicy", "File");
        container.Ensure("resources");
        var image = container.Str("image");
        container.Default("imagePullPolicy", !image.Contains('@') && (image.EndsWith(":latest", StringComparison.Ordinal) || image.LastIndexOf(':') <= image.LastIndexOf('/')) ? "Always" : "IfNotPresent");
        foreach (var port in container.Items("ports"))
        {
            port.Default("protocol", "TCP");
            if (hostNetwork && port.Int("containerPort") is { } number)
            {
                port.Default("hostPort", number);
            }
        }

        foreach (var env in container.Items("env"))
        {
            env.Obj("valueFrom").Obj("fieldRef")?.Default("apiVersion", "v1");
        }

        foreach (var name in (ReadOnlySpan<string>)["livenessProbe", "readinessProbe", "startupProbe"])
        {
            if (container.Obj(name) is { } probe)
            {
                probe.Default("timeoutSeconds", 1);
                probe.Default("periodSeconds", 10);
                probe.Default("successThreshold", 1);
                probe.Default("failureThreshold", 3);
                DefaultHttp(probe.Obj("httpGet"));
                probe.Obj("grpc")?.Default("service", "");
            }
        }

        DefaultHttp(container.Obj("lifecycle").Obj("preStop").Obj("httpGet"));
        DefaultHttp(container.Obj("lifecycle").Obj("postStart").Obj("httpGet"));
        if (container.Obj("resources") is { } resources && resources.Obj("limits") is { } limits)
        {
            // A limit without a request is also the request.
            var requests = resources.Ensure("requests");
            foreach (var (name, value) in limits)
            {
                if (requests[name] is null)
                {
                    requests[name] = value?.DeepClone();
                }
            }
        }
    }

    private static void DefaultHttp(JsonObject? http)
    {
        http?.Default("path", "/");
        http?.Default("scheme", "HTTP");
    }

    private static void DefaultVolume(JsonObject volume)
    {
        if (!volume.Any(p => p.Key != "name" && p.Value is not null))
        {
            volume["emptyDir"] = new JsonObject();
        }

        foreach (var name in (ReadOnlySpan<string>)["configMap", "secret", "downwardAPI", "projected"])
        {
            volume.Obj(name)?.Default("defaultMode", 420);
        }

        volume.Obj("hostPath")?.Default("type", "");
        foreach (var item in volume.Obj("downwardAPI").Items("items"))
        {
            item.Obj("fieldRef")?.Default("apiVersion", "v1");
        }

        foreach (var source in volume.Obj("projected").Items("sources"))
        {
            source.Obj("serviceAccountToken")?.Default("expirationSeconds", 3600);
            foreach (var item in source.Obj("downwardAPI").Items("items"))
            {
                item.Obj("fieldRef")?.Default("apiVersion", "v1");
            }
        }
    }

    private static void ValidateVolume(JsonObject volume, string path, HashSet<string> names, ICollection<FieldError> errors)
    {
        var name = volume.Str("name");
        if (name.Length == 0)
        {
            errors.Required($"{path}.name");
        }
        else if (Names.Dns1123LabelErrors(name) is [var problem, ..])
        {
            errors.Invalid($"{path}.name", name, problem);
        }
        else if (!names.Add(name))
        {
            errors.Duplicate($"{path}.name", name);
        }

        var sources = volume.Where(p => p.Key != "name" && p.Value is not null).Select(p => p.Key).ToArray();
        if (sources.Length > 1)
        {
            errors.Forbidden($"{path}.{sources[1]}", "may not specify more than 1 volume type");
        }

        if (volume.Obj("hostPath") is { } host && host.Str("path").Length == 0)
        {
            errors.Required($"{path}.hostPath.path");
        }

        if (volume.Obj("secret") is { } secret && secret.Str("secretName").Length == 0)
        {
            errors.Required($"{path}.secret.secretName");
        }

        if (volume.Obj("configMap") is { } map && map.Str("name").Length == 0)
        {
            errors.Required($"{path}.configMap.name");
        }
    }

    private static void ValidateContainer(
        JsonObject container, string path, bool init, HashSet<string> names, HashSet<string> hostPorts, HashSet<string> volumes, ICollection<FieldError> errors)
    {
        var name = container.Str("name");
        if (name.Length == 0)
        {
            errors.Required($"{path}.name");
        }
        else if (Names.Dns1123LabelErrors(name) is [var problem, ..])
        {
            errors.Invalid($"{path}.name", name, problem);
        }
        else if (!names.Add(name))
        {
            errors.Duplicate($"{path}.name", name);
        }

        if (container.Str("image").Length == 0)
        {
            errors.Required($"{path}.image");
        }
        else if (container.Str("image").Trim() != container.Str("image"))
        {
            errors.Invalid($"{path}.image", container.Str("image"), "must not have leading or trailing whitespace");
        }

        OneOf(container, "imagePullPolicy", path, PullPolicies, errors);
        var index = 0;
        var portNames = new HashSet<string>(StringComparer.Ordinal);
        foreach (var port in container.Items("ports"))
        {
            var at = $"{path}.ports[{index++}]";
            Port(port["containerPort"], $"{at}.containerPort", required: true, errors);
            Port(port["hostPort"], $"{at}.hostPort", required: false, errors);
            OneOf(port, "protocol", at, Protocols, errors);
            if (port.Str("name") is { Length: > 0 } portName && !portNames.Add(portName))
            {
                errors.Duplicate($"{at}.name", portName);
            }

            if (port.Int("hostPort") is { } hostPort and not 0 && !init && !hostPorts.Add(string.Create(CultureInfo.InvariantCulture, $"{port.Str("protocol")}/{port.Str("hostIP")}/{hostPort}")))
            {
                errors.Duplicate($"{at}.hostPort", hostPort);
            }
        }

        index = 0;
        foreach (var env in container.Items("env"))
        {
            var at = $"{path}.env[{index++}]";
            if (env.Str("name").Length == 0)
            {
                errors.Required($"{at}.name");
            }
            else if (Names.EnvVarNameErrors(env.Str("name")) is [var envProblem, ..])
            {
                errors.Invalid($"{at}.name", env.Str("name"), envProblem);
            }

            if (env.Obj("valueFrom") is { } from)
            {
                if (env.Str("value").Length > 0)
                {
                    errors.Invalid($"{at}.valueFrom", "", "may not be specified when `value` is not empty");
                }

                if (!from.Any(p => p.Value is not null))
                {
                    errors.Invalid($"{at}.valueFrom", "", "must specify one of: `fieldRef`, `resourceFieldRef`, `configMapKeyRef` or `secretKeyRef`");
                }
            }
        }

        index = 0;
        var mountPaths = new HashSet<string>(StringComparer.Ordinal);
        foreach (var mount in container.Items("volumeMounts"))
        {
            var at = $"{path}.volumeMounts[{index++}]";
            if (mount.Str("name").Length == 0)
            {
                errors.Required($"{at}.name");
            }
            else if (!volumes.Contains(mount.Str("name")))
            {
                errors.NotFound($"{at}.name", mount.Str("name"));
            }

            if (mount.Str("mountPath").Length == 0)
            {
                errors.Required($"{at}.mountPath");
            }
            else if (!mountPaths.Add(mount.Str("mountPath")))
            {
                errors.Invalid($"{at}.mountPath", mount.Str("mountPath"), "must be unique");
            }
        }

        foreach (var probeName in (ReadOnlySpan<string>)["livenessProbe", "readinessProbe", "startupProbe"])
        {
            if (container.Obj(probeName) is { } probe)
            {
                ValidateProbe(probe, $"{path}.{probeName}", probeName != "readinessProbe", errors);
            }
        }

        ValidateResources(container.Obj("resources"), $"{path}.resources", errors);
    }

    private static void ValidateProbe(JsonObject probe, string path, bool successIsOne, ICollection<FieldError> errors)
    {
        var handlers = new[] { "exec", "httpGet", "tcpSocket", "grpc" }.Where(h => probe[h] is not null).ToArray();
        if (handlers.Length == 0)
        {
            errors.Required(path, "must specify a handler type");
        }
        else if (handlers.Length > 1)
        {
            errors.Forbidden($"{path}.{handlers[1]}", "may not specify more than 1 handler type");
        }

        foreach (var field in (ReadOnlySpan<string>)["initialDelaySeconds", "timeoutSeconds", "periodSeconds", "successThreshold", "failureThreshold"])
        {
            if (probe.Int(field) is < 0)
            {
                errors.Invalid($"{path}.{field}", probe.Int(field), "must be greater than or equal to 0");
            }
        }

        if (successIsOne && probe.Int("successThreshold") is { } success and not 1)
        {
            errors.Invalid($"{path}.successThreshold", success, "must be 1");
        }

        if (probe.Obj("exec") is { } exec && exec["command"] is not JsonArray { Count: > 0 })
        {
            errors.Required($"{path}.exec.command");
        }
    }

    private static void ValidateResources(JsonObject? resources, string path, ICollection<FieldError> errors)
    {
        foreach (var list in (ReadOnlySpan<string>)["limits", "requests"])
        {
            foreach (var (name, value) in resources.Obj(list) ?? [])
            {
                if (!Quantity.TryParse(value.Text(), out var quantity))
                {
                    continue;
                }

                if (quantity.Sign < 0)
                {
                    errors.Invalid($"{path}.{list}[{name}]", value.Text(), "must be greater than or equal to 0");
                }

                if (list == "requests" && resources.Obj("limits")?[name] is { } limit && Quantity.TryParse(limit.Text(), out var most) && quantity > most)
                {
                    errors.Invalid($"{path}.requests", value.Text(), $"must be less than or equal to {name} limit of {limit.Text()}");
                }
            }
        }
    }

    private static void Port(JsonNode? node, string path, bool required, ICollection<FieldError> errors)
    {
        var value = node is JsonValue v && v.TryGetValue<long>(out var number) ? number : (long?)null;
        if (value is null or 0)
        {
            if (required)
            {
                errors.Required(path);
            }
        }
        else if (value is < 1 or > 65535)
        {
            errors.Invalid(path, value, "must be between 1 and 65535, inclusive");
        }
    }

    private static void OneOf(JsonObject obj, string field, string path, string[] allowed, ICollection<FieldError> errors)
    {
        if (obj.Str(field) is { Length: > 0 } value && !allowed.Contains(value, StringComparer.Ordinal))
        {
            errors.NotSupported($"{path}.{field}", value, allowed);
        }
    }
}
