using Kaji.Api.Metadata;

namespace Kaji.Api.Kinds.Core.Pods;

/// <summary>Validation of a container's environment, and of the references to a Pod's own fields that downward API volumes use as well.</summary>
internal static class EnvironmentRules
{
    private const string TwoAtATime = "may not have more than one field specified at a time";
    private static readonly string[] Sources = ["fieldRef", "resourceFieldRef", "configMapKeyRef", "secretKeyRef", "fileKeyRef"];

    private static readonly string[] InEnvironment =
        ["metadata.name", "metadata.namespace", "metadata.uid", "spec.nodeName", "spec.serviceAccountName", "status.hostIP", "status.hostIPs", "status.podIP", "status.podIPs"];

    private static readonly string[] InVolumes = ["metadata.annotations", "metadata.labels", "metadata.name", "metadata.namespace", "metadata.uid"];

    /// <summary>Fields of a Pod that have a name in selectors and references; others can't be referred to at all.</summary>
    private static readonly string[] Known =
    [
        .. InEnvironment, "metadata.annotations", "metadata.labels", "spec.restartPolicy", "spec.schedulerName", "spec.hostNetwork", "status.phase", "status.nominatedNodeName",
    ];

    private static readonly string[] Resources =
        ["limits.cpu", "limits.ephemeral-storage", "limits.memory", "requests.cpu", "requests.ephemeral-storage", "requests.memory"];

    public static void Validate(Fields spec, Fields container)
    {
        foreach (var variable in container.Items("env"))
        {
            variable.RequiredRule("name", Names.EnvVarNameErrors);
            if (variable.Sub("valueFrom") is { } from)
            {
                From(spec, variable, from);
            }
        }

        foreach (var from in container.Items("envFrom"))
        {
            from.Rule("prefix", Names.EnvVarNameErrors);
            var found = 0;
            foreach (var source in (ReadOnlySpan<string>)["configMapRef", "secretRef"])
            {
                if (from.Sub(source) is { } reference)
                {
                    found++;
                    reference.RequiredRule("name", Names.Dns1123SubdomainErrors);
                }
            }

            if (found != 1)
            {
                from.Errors.Add(new FieldError("FieldValueInvalid", from.Path, "Invalid value: \"\": " + (found == 0 ? "must specify one of: `configMapRef` or `secretRef`" : TwoAtATime)));
            }
        }
    }

    /// <summary>A reference to a field of the Pod.</summary>
    public static void FieldRef(Fields reference, bool inVolume)
    {
        if (!reference.Present("apiVersion") || !reference.Present("fieldPath"))
        {
            return;
        }

        var path = reference.Str("fieldPath");
        var allowed = inVolume ? InVolumes : InEnvironment;
        if (path.IndexOf('[', StringComparison.Ordinal) is > 0 and var at && path.EndsWith("']", StringComparison.Ordinal) && path[at + 1] == '\'')
        {
            var (field, key) = (path[..at], path[(at + 2)..^2]);
            if (field is not ("metadata.annotations" or "metadata.labels"))
            {
                reference.Invalid("fieldPath", path, "does not support subscript");
                return;
            }

            foreach (var problem in Names.QualifiedNameErrors(field == "metadata.annotations" ? key.ToLowerInvariant() : key))
            {
                reference.Invalid("fieldPath", path, problem);
            }

            return;
        }

        if (!Known.Contains(path, StringComparer.Ordinal))
        {
            reference.Invalid("fieldPath", path, $"error converting fieldPath: field label not supported: {path}");
        }
        else if (!allowed.Contains(path, StringComparer.Ordinal))
        {
            reference.NotSupported("fieldPath", path, allowed);
        }
    }

    /// <summary>A reference to a container's requests or limits.</summary>
    public static void ResourceRef(Fields reference, bool inVolume)
    {
        if (inVolume && reference.Str("containerName").Length == 0)
        {
            reference.Required("containerName");
        }
        else if (reference.Present("resource"))
        {
            var resource = reference.Str("resource");
            if (!Resources.Contains(resource, StringComparer.Ordinal) && !resource.StartsWith("limits.hugepages-", StringComparison.Ordinal) && !resource.StartsWith("requests.hugepages-", StringComparison.Ordinal))
            {
                reference.NotSupported("resource", resource, Resources);
            }
        }

        if (reference.Text("divisor") is { Length: > 0 } text && Quantity.TryParse(text, out var divisor) && divisor.Sign != 0)
        {
            var memory = !reference.Str("resource").EndsWith(".cpu", StringComparison.Ordinal);
            string[] units = memory ? ["1", "1k", "1M", "1G", "1T", "1P", "1E", "1Ki", "1Mi", "1Gi", "1Ti", "1Pi", "1Ei"] : ["1m", "1"];
            if (!units.Contains(divisor.ToString(), StringComparer.Ordinal))
            {
                reference.Invalid("divisor", text, memory ? "only divisor's values 1, 1k, 1M, 1G, 1T, 1P, 1E, 1Ki, 1Mi, 1Gi, 1Ti, 1Pi, 1Ei are supported with the memory resource" : "only divisor's values 1m and 1 are supported with the cpu resource");
            }
        }
    }

    private static void From(Fields spec, Fields variable, Fields from)
    {
        var found = Sources.Count(from.Has);
        if (found == 0)
        {
            from.Errors.Add(new FieldError("FieldValueInvalid", from.Path, "Invalid value: \"\": must specify one of: `fieldRef`, `resourceFieldRef`, `configMapKeyRef`, `secretKeyRef` or `fileKeyRef`"));
        }

        if (variable.Str("value").Length > 0)
        {
            if (found > 0)
            {
                variable.Invalid("valueFrom", "", "may not be specified when `value` is not empty");
            }
        }
        else if (found > 1)
        {
            variable.Invalid("valueFrom", "", TwoAtATime);
        }

        if (from.Sub("fieldRef") is { } field)
        {
            FieldRef(field, inVolume: false);
        }

        if (from.Sub("resourceFieldRef") is { } resource)
        {
            ResourceRef(resource, inVolume: false);
        }

        foreach (var source in (ReadOnlySpan<string>)["configMapKeyRef", "secretKeyRef"])
        {
            if (from.Sub(source) is { } reference)
            {
                foreach (var problem in Names.Dns1123SubdomainErrors(reference.Str("name")))
                {
                    reference.Invalid("name", reference.Str("name"), problem);
                }

                reference.RequiredRule("key", Names.ConfigKeyErrors);
            }
        }

        if (from.Sub("fileKeyRef") is { } file)
        {
            file.RequiredRule("key", Names.EnvVarNameErrors);
            if (file.Present("volumeName") && !spec.Object.Items("volumes").Any(v => v.Str("name") == file.Str("volumeName") && v.Obj("emptyDir") is not null))
            {
                file.Errors.Add(new FieldError("FieldValueNotFound", file.At("volumeName"), $"Not found: \"{file.Str("volumeName")}\""));
            }

            if (file.Present("path"))
            {
                VolumeRules.Descending(file, "path");
            }
        }
    }
}
