using System.Text.Json.Nodes;
using Kaji.Api.Errors;
using Kaji.Api.Kinds.Core.Pods;
using Kaji.Api.Metadata;

namespace Kaji.Api.Kinds.Core;

/// <summary>PersistentVolume: https://kubernetes.io/docs/reference/kubernetes-api/config-and-storage-resources/persistent-volume-v1/</summary>
internal sealed class PersistentVolumeKind : StatusKind
{
    private static readonly string[] NotSources =
        ["accessModes", "capacity", "claimRef", "mountOptions", "nodeAffinity", "persistentVolumeReclaimPolicy", "storageClassName", "volumeAttributesClassName", "volumeMode"];

    public override bool HasGeneration => false;

    public override void Default(JsonObject obj)
    {
        var spec = obj.Ensure("spec");
        spec.Default("volumeMode", "Filesystem");
        spec.Default("persistentVolumeReclaimPolicy", "Retain");
        PodDefaults.VolumeSource(spec);
    }

    public override void PrepareForCreate(JsonObject obj) => obj["status"] = new JsonObject { ["phase"] = "Pending" };

    public override void Validate(JsonObject obj, ICollection<FieldError> errors)
    {
        var spec = new Fields(obj.Obj("spec") ?? [], "spec", errors);
        var modes = spec.Strings("accessModes");
        if (modes.Length == 0)
        {
            spec.Required("accessModes");
        }

        ClaimRules.Modes(spec, modes);
        if (!spec.HasAny("capacity"))
        {
            spec.Required("capacity");
        }
        else if (spec.Object.Obj("capacity") is { } capacity && (!capacity.ContainsKey("storage") || capacity.Count > 1))
        {
            spec.NotSupported("capacity", capacity, "storage");
        }

        foreach (var (name, value) in spec.Object.Obj("capacity") ?? [])
        {
            if (Quantity.TryParse(value.Text(), out var size) && size.Sign <= 0)
            {
                errors.Invalid($"spec.capacity[{name}]", value.Text(), "must be greater than zero");
            }
        }

        spec.OneOf("persistentVolumeReclaimPolicy", "Delete", "Recycle", "Retain");
        if (spec.Of("nodeAffinity").Sub("required") is { } required)
        {
            PlacementRules.NodeSelector(required);
        }
        else if (spec.Has("nodeAffinity"))
        {
            spec.Of("nodeAffinity").Required("required", "must specify required node constraints");
        }

        Sources(spec);
        spec.Rule("storageClassName", Names.Dns1123SubdomainErrors);
        spec.OneOf("volumeMode", "Block", "Filesystem");
        spec.Rule("volumeAttributesClassName", Names.Dns1123SubdomainErrors);
    }

    public override void ValidateUpdate(JsonObject obj, JsonObject old, ICollection<FieldError> errors)
    {
        var (now, before) = (obj.Obj("spec") ?? [], old.Obj("spec") ?? []);
        if (!JsonNode.DeepEquals(Source(now), Source(before)))
        {
            errors.Forbidden("spec.persistentvolumesource", "spec.persistentvolumesource is immutable after creation");
        }

        var spec = new Fields(now, "spec", errors);
        spec.Same("volumeMode", before);
        if (before["nodeAffinity"] is not null)
        {
            spec.Same("nodeAffinity", before);
        }
    }

    public override void Warn(JsonObject obj, JsonObject? old, Action<string> warn)
    {
        var annotations = obj.Obj("metadata").Obj("annotations");
        if (annotations?.ContainsKey("volume.beta.kubernetes.io/storage-class") == true)
        {
            warn("metadata.annotations[volume.beta.kubernetes.io/storage-class]: deprecated since v1.8; use \"storageClassName\" attribute instead");
        }

        if (annotations?.ContainsKey("volume.beta.kubernetes.io/mount-options") == true)
        {
            warn("metadata.annotations[volume.beta.kubernetes.io/mount-options]: deprecated since v1.31; use \"mountOptions\" attribute instead");
        }

        var spec = new Fields(obj.Obj("spec") ?? [], "spec", []);
        foreach (var term in spec.Of("nodeAffinity").Of("required").Items("nodeSelectorTerms"))
        {
            NodeLabels.Term(term, warn);
        }

        if (spec.Str("persistentVolumeReclaimPolicy") == "Recycle")
        {
            warn("spec.persistentVolumeReclaimPolicy: The Recycle reclaim policy is deprecated. Instead, the recommended approach is to use dynamic provisioning.");
        }

        foreach (var (source, message) in (ReadOnlySpan<(string, string)>)
            [
                ("photonPersistentDisk", "deprecated in v1.11, non-functional in v1.16+"), ("scaleIO", "deprecated in v1.16, non-functional in v1.22+"),
                ("storageos", "deprecated in v1.22, non-functional in v1.25+"), ("glusterfs", "deprecated in v1.25, non-functional in v1.26+"),
                ("quobyte", "deprecated in v1.22, non-functional in v1.25+"), ("flocker", "deprecated in v1.22, non-functional in v1.25+"),
                ("cephfs", "deprecated in v1.28, non-functional in v1.31+"), ("rbd", "deprecated in v1.28, non-functional in v1.31+"),
            ])
        {
            if (spec.Has(source))
            {
                warn($"spec.{(source == "storageos" ? "storageOS" : source)}: {message}");
            }
        }
    }

    private static void Sources(Fields spec)
    {
        var found = false;
        foreach (var (name, value) in spec.Object)
        {
            if (value is not JsonObject || NotSources.Contains(name, StringComparer.Ordinal))
            {
                continue;
            }

            if (found)
            {
                spec.Forbidden(name, "may not specify more than 1 volume type");
                continue;
            }

            found = true;
            VolumeRules.Source(name, spec.Of(name));
        }

        if (!found)
        {
            spec.Errors.Required(spec.Path, "must specify a volume type");
        }

        if (spec.Sub("hostPath")?.Str("path") == "/" && spec.Str("persistentVolumeReclaimPolicy") == "Recycle")
        {
            spec.Forbidden("persistentVolumeReclaimPolicy", "may not be 'recycle' for a hostPath mount of '/'");
        }

        if (spec.Has("local") && !spec.Has("nodeAffinity"))
        {
            spec.Required("nodeAffinity", "Local volume requires node affinity");
        }
    }

    private static JsonObject Source(JsonObject spec) =>
        new(spec.Where(p => p.Value is JsonObject && !NotSources.Contains(p.Key, StringComparer.Ordinal)).Select(p => KeyValuePair.Create(p.Key, p.Value?.DeepClone())));
}
