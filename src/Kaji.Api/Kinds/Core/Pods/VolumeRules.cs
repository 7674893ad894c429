using System.Text.Json.Nodes;
using Kaji.Api.Errors;
using Kaji.Api.Metadata;

namespace Kaji.Api.Kinds.Core.Pods;

/// <summary>Validation of a Pod's volumes, and of the volume sources that PersistentVolumes have too.</summary>
internal static class VolumeRules
{
    private const string ModeRange = "must be a number between 0 and 0777 (octal), both inclusive";
    private const string Backsteps = "must not contain '..'";
    private static readonly string[] HostPathTypes = ["", "BlockDevice", "CharDevice", "Directory", "DirectoryOrCreate", "File", "FileOrCreate", "Socket"];

    /// <summary>Fields that a source can't do without, by source.</summary>
    private static readonly Dictionary<string, string[]> Needed = new(StringComparer.Ordinal)
    {
        ["awsElasticBlockStore"] = ["volumeID"],
        ["azureDisk"] = ["diskName", "diskURI"],
        ["azureFile"] = ["secretName", "shareName"],
        ["cinder"] = ["volumeID"],
        ["configMap"] = ["name"],
        ["flexVolume"] = ["driver"],
        ["gcePersistentDisk"] = ["pdName"],
        ["gitRepo"] = ["repository"],
        ["glusterfs"] = ["endpoints", "path"],
        ["hostPath"] = ["path"],
        ["image"] = ["reference"],
        ["iscsi"] = ["targetPortal", "iqn"],
        ["local"] = ["path"],
        ["nfs"] = ["server", "path"],
        ["persistentVolumeClaim"] = ["claimName"],
        ["photonPersistentDisk"] = ["pdID"],
        ["portworxVolume"] = ["volumeID"],
        ["quobyte"] = ["registry", "volume"],
        ["rbd"] = ["image"],
        ["scaleIO"] = ["gateway", "system", "volumeName"],
        ["secret"] = ["secretName"],
        ["vsphereVolume"] = ["volumePath"],
    };

    /// <returns>The volumes by name.</returns>
    public static Dictionary<string, JsonObject> Volumes(Fields spec)
    {
        var byName = new Dictionary<string, JsonObject>(StringComparer.Ordinal);
        var names = new HashSet<string>(StringComparer.Ordinal);
        foreach (var volume in spec.Items("volumes"))
        {
            volume.Unique("name", Names.Dns1123LabelErrors, names);
            byName.TryAdd(volume.Str("name"), volume.Object);
            var found = false;
            foreach (var (name, value) in volume.Object)
            {
                if (name == "name" || value is null)
                {
                    continue;
                }

                if (found)
                {
                    volume.Forbidden(name, "may not specify more than 1 volume type");
                    continue;
                }

                found = true;
                if (volume.Sub(name) is { } source)
                {
                    Source(name, source);
                }
            }
        }

        return byName;
    }

    /// <summary>One source of a volume.</summary>
    public static void Source(string kind, Fields source)
    {
        foreach (var field in Needed.GetValueOrDefault(kind) ?? [])
        {
            source.Present(field);
        }

        switch (kind)
        {
            case "emptyDir":
                if (Quantity.TryParse(source.Text("sizeLimit"), out var limit) && limit.Sign < 0)
                {
                    source.Forbidden("sizeLimit", "SizeLimit field must be a valid resource quantity");
                }

                break;
            case "hostPath":
                NoBacksteps(source, "path");
                source.OneOf("type", HostPathTypes);
                break;
            case "local":
                NoBacksteps(source, "path");
                break;
            case "nfs":
                if (source.Str("path") is { Length: > 0 } path && path[0] != '/')
                {
                    source.Invalid("path", path, "must be an absolute path");
                }

                break;
            case "secret" or "configMap":
                Mode(source, "defaultMode");
                KeysToPaths(source);
                break;
            case "downwardAPI":
                Mode(source, "defaultMode");
                Downward(source);
                break;
            case "projected":
                Projected(source);
                break;
            case "csi":
                source.RequiredRule("driver", Names.DriverNameErrors);
                break;
            case "cephfs" when !source.HasAny("monitors"):
            case "rbd" when !source.HasAny("monitors"):
                source.Required("monitors");
                break;
            case "fc" when !source.HasAny("targetWWNs") && !source.HasAny("wwids"):
                source.Required("targetWWNs", "must specify either targetWWNs or wwids, but not both");
                break;
            case "iscsi":
                if (source.Int("lun") is < 0 or > 255)
                {
                    source.Invalid("lun", source.Int("lun"), "must be between 0 and 255, inclusive");
                }

                if (source.Str("iqn") is { Length: > 0 } iqn && !iqn.StartsWith("iqn", StringComparison.Ordinal) && !iqn.StartsWith("eui", StringComparison.Ordinal) && !iqn.StartsWith("naa", StringComparison.Ordinal))
                {
                    source.Invalid("iqn", iqn, "must be valid format starting with iqn, eui, or naa");
                }

                break;
            case "image":
                source.OneOf("pullPolicy", "Always", "IfNotPresent", "Never");
                break;
            case "ephemeral":
                if (source.Sub("volumeClaimTemplate") is not { } template)
                {
                    source.Required("volumeClaimTemplate");
                }
                else
                {
                    ClaimRules.Spec(template.Of("spec"));
                }

                break;
        }
    }

    /// <summary>A path below a directory: relative, and not out of it.</summary>
    public static void Descending(Fields owner, string field)
    {
        var path = owner.Str(field);
        if (path.StartsWith('/'))
        {
            owner.Invalid(field, path, "must be a relative path");
        }

        NoBacksteps(owner, field);
    }

    public static void NoBacksteps(Fields owner, string field)
    {
        if (owner.Str(field).Split('/').Contains("..", StringComparer.Ordinal))
        {
            owner.Invalid(field, owner.Str(field), Backsteps);
        }
    }

    private static void Mode(Fields owner, string field)
    {
        if (owner.Int(field) is < 0 or > 511)
        {
            owner.Invalid(field, owner.Int(field), ModeRange);
        }
    }

    private static void KeysToPaths(Fields source)
    {
        foreach (var item in source.Items("items"))
        {
            item.Present("key");
            if (item.Present("path"))
            {
                NotReserved(item);
            }

            Mode(item, "mode");
        }
    }

    private static void NotReserved(Fields item)
    {
        Descending(item, "path");
        if (item.Str("path").StartsWith("..", StringComparison.Ordinal) && !item.Str("path").StartsWith("../", StringComparison.Ordinal))
        {
            item.Invalid("path", item.Str("path"), "must not start with '..'");
        }
    }

    private static void Downward(Fields source)
    {
        foreach (var item in source.Items("items"))
        {
            if (item.Present("path"))
            {
                NotReserved(item);
            }

            var (field, resource) = (item.Sub("fieldRef"), item.Sub("resourceFieldRef"));
            if (field is not null)
            {
                EnvironmentRules.FieldRef(field, inVolume: true);
                if (resource is not null)
                {
                    item.Errors.Invalid(item.Path, "resource", "fieldRef and resourceFieldRef can not be specified simultaneously");
                }
            }
            else if (resource is not null)
            {
                EnvironmentRules.ResourceRef(resource, inVolume: true);
            }
            else
            {
                item.Errors.Required(item.Path, "one of fieldRef and resourceFieldRef is required");
            }

            Mode(item, "mode");
        }
    }

    private static void Projected(Fields volume)
    {
        Mode(volume, "defaultMode");
        foreach (var projection in volume.Items("sources"))
        {
            var kinds = projection.Object.Where(p => p.Value is not null).Select(p => p.Key).ToArray();
            foreach (var more in kinds.Skip(1))
            {
                projection.Forbidden(more, "may not specify more than 1 volume type");
            }

            if (kinds.Length == 0 || projection.Sub(kinds[0]) is not { } source)
            {
                continue;
            }

            switch (kinds[0])
            {
                case "secret" or "configMap":
                    source.Present("name");
                    KeysToPaths(source);
                    break;
                case "downwardAPI":
                    Downward(source);
                    break;
                case "serviceAccountToken":
                    if (source.Int("expirationSeconds") is < 600)
                    {
                        source.Invalid("expirationSeconds", source.Int("expirationSeconds"), "may not specify a duration less than 10 minutes");
                    }
                    else if (source.Int("expirationSeconds") is > 1L << 32)
                    {
                        source.Invalid("expirationSeconds", source.Int("expirationSeconds"), "may not specify a duration larger than 2^32 seconds");
                    }

                    if (source.Present("path"))
                    {
                        NotReserved(source);
                    }

                    break;
                case "clusterTrustBundle":
                    if (source.Has("name") == source.Has("signerName"))
                    {
                        source.Errors.Required(source.Path, "either name or signerName must be specified");
                    }

                    source.Present("path");
                    break;
                case "podCertificate":
                    source.Present("signerName");
                    source.RequiredOneOf("keyType", "RSA3072", "RSA4096", "ECDSAP256", "ECDSAP384", "ECDSAP521", "ED25519");
                    break;
            }
        }
    }
}
