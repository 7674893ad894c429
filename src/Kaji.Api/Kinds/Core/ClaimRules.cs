using Kaji.Api.Errors;
using Kaji.Api.Metadata;

namespace Kaji.Api.Kinds.Core;

/// <summary>Validation of a PersistentVolumeClaim's spec: of claims, of StatefulSets' templates, of ephemeral volumes.</summary>
internal static class ClaimRules
{
    public static readonly string[] AccessModes = ["ReadOnlyMany", "ReadWriteMany", "ReadWriteOnce", "ReadWriteOncePod"];

    public static void Spec(Fields spec)
    {
        var modes = spec.Strings("accessModes");
        if (modes.Length == 0)
        {
            spec.Required("accessModes", "at least 1 access mode is required");
        }

        spec.Selector("selector");
        Modes(spec, modes);
        var storage = spec.Of("resources").Of("requests").Text("storage");
        if (storage.Length == 0)
        {
            spec.Required("resources[storage]");
        }
        else if (Quantity.TryParse(storage, out var size) && size.Sign <= 0)
        {
            spec.Invalid("resources[storage]", storage, "must be greater than zero");
        }

        spec.Rule("storageClassName", Names.Dns1123SubdomainErrors);
        spec.Rule("volumeAttributesClassName", Names.Dns1123SubdomainErrors);
        spec.OneOf("volumeMode", "Block", "Filesystem");
        foreach (var field in (ReadOnlySpan<string>)["dataSource", "dataSourceRef"])
        {
            if (spec.Sub(field) is { } source)
            {
                source.Present("name");
                source.Present("kind");
                if (source.Str("apiGroup").Length == 0 && source.Str("kind") is { Length: > 0 } kind and not "PersistentVolumeClaim")
                {
                    spec.Invalid(field, kind, "must be 'PersistentVolumeClaim' when referencing the default apiGroup");
                }
            }
        }

        if (spec.Sub("dataSource") is { } one && spec.Sub("dataSourceRef") is { } other && other.Str("namespace").Length == 0
            && (one.Str("apiGroup"), one.Str("kind"), one.Str("name")) != (other.Str("apiGroup"), other.Str("kind"), other.Str("name")))
        {
            spec.Errors.Invalid(spec.Path, "dataSource", "must match dataSourceRef");
        }
    }

    /// <summary>Access modes, of claims and volumes.</summary>
    public static void Modes(Fields spec, string[] modes)
    {
        foreach (var mode in modes)
        {
            if (!AccessModes.Contains(mode, StringComparer.Ordinal))
            {
                spec.Errors.NotSupported(spec.At("accessModes"), mode, AccessModes);
            }

        }

        if (modes.Length > 1 && modes.Contains("ReadWriteOncePod", StringComparer.Ordinal))
        {
            spec.Forbidden("accessModes", "may not use ReadWriteOncePod with other access modes");
        }
    }
}
