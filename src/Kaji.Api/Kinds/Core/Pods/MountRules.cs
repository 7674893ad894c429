using System.Text.Json.Nodes;
using Kaji.Api.Errors;

namespace Kaji.Api.Kinds.Core.Pods;

/// <summary>Validation of where a container sees the Pod's volumes.</summary>
internal static class MountRules
{
    public static void Mounts(Fields container, IReadOnlyDictionary<string, JsonObject> volumes)
    {
        var paths = new HashSet<string>(StringComparer.Ordinal);
        var privileged = container.Of("securityContext").Bool("privileged") == true;
        foreach (var mount in container.Items("volumeMounts"))
        {
            if (mount.Present("name") && !volumes.ContainsKey(mount.Str("name")))
            {
                mount.Errors.NotFound(mount.At("name"), mount.Str("name"));
            }

            var path = mount.Str("mountPath");
            if (mount.Present("mountPath") && !paths.Add(path))
            {
                mount.Invalid("mountPath", path, "must be unique");
            }

            if (mount.Str("subPath").Length > 0)
            {
                VolumeRules.Descending(mount, "subPath");
            }

            if (mount.Str("subPathExpr").Length > 0)
            {
                if (mount.Str("subPath").Length > 0)
                {
                    mount.Invalid("subPathExpr", mount.Str("subPathExpr"), "subPathExpr and subPath are mutually exclusive");
                }

                VolumeRules.Descending(mount, "subPathExpr");
            }

            mount.OneOf("mountPropagation", "Bidirectional", "HostToContainer", "None");
            if (mount.Str("mountPropagation") == "Bidirectional" && !privileged)
            {
                mount.Forbidden("mountPropagation", "Bidirectional mount propagation is available only to privileged containers");
            }

            ReadOnly(mount);
        }
    }

    public static void Devices(Fields container, IReadOnlyDictionary<string, JsonObject> volumes)
    {
        var names = new HashSet<string>(StringComparer.Ordinal);
        var paths = new HashSet<string>(StringComparer.Ordinal);
        foreach (var device in container.Items("volumeDevices"))
        {
            var name = device.Str("name");
            if (device.Present("name"))
            {
                if (!names.Add(name))
                {
                    device.Invalid("name", name, "must be unique");
                }

                if (!volumes.TryGetValue(name, out var volume))
                {
                    device.Errors.NotFound(device.At("name"), name);
                }
                else if (volume["persistentVolumeClaim"] is null && volume["ephemeral"] is null)
                {
                    device.Invalid("name", name, "can only use volume source type of PersistentVolumeClaim, Ephemeral, for block mode");
                }
            }

            if (device.Present("devicePath"))
            {
                VolumeRules.NoBacksteps(device, "devicePath");
                if (!paths.Add(device.Str("devicePath")))
                {
                    device.Invalid("devicePath", device.Str("devicePath"), "must be unique");
                }

                if (container.Object.Items("volumeMounts").Any(m => m.Str("mountPath") == device.Str("devicePath")))
                {
                    device.Invalid("devicePath", device.Str("devicePath"), "must not already exist as a path in volumeMounts");
                }
            }
        }
    }

    private static void ReadOnly(Fields mount)
    {
        mount.OneOf("recursiveReadOnly", "Disabled", "Enabled", "IfPossible");
        if (mount.Str("recursiveReadOnly") is not ("Enabled" or "IfPossible"))
        {
            return;
        }

        if (mount.Bool("readOnly") != true)
        {
            mount.Forbidden("recursiveReadOnly", "may only be specified when readOnly is true");
        }

        if (mount.Str("mountPropagation") is not ("" or "None"))
        {
            mount.Forbidden("recursiveReadOnly", "may only be specified when mountPropagation is None or not specified");
        }
    }
}
