using System.Text.Json.Nodes;

namespace Kaji.Api.Kinds.Core.Pods;

/// <summary>The defaults of a PodSpec, of Pods and of every template.</summary>
internal static class PodDefaults
{
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
                Container(container, spec.Bool("hostNetwork") == true);
            }
        }

        RequestsOfLimits(spec.Obj("resources"));
        foreach (var volume in spec.Items("volumes"))
        {
            Volume(volume);
        }
    }

    /// <summary>A limit without a request is also the request.</summary>
    public static void RequestsOfLimits(JsonObject? resources)
    {
        if (resources.Obj("limits") is not { } limits)
        {
            return;
        }

        var requests = resources!.Ensure("requests");
        foreach (var (name, value) in limits)
        {
            if (requests[name] is null)
            {
                requests[name] = value?.DeepClone();
            }
        }
    }

    private static void Container(JsonObject container, bool hostNetwork)
    {
        container.Default("terminationMessagePath", "/dev/termination-log");
        container.Default("terminationMessagePolicy", "File");
        container.Ensure("resources");
        container.Default("imagePullPolicy", IsLatest(container.Str("image")) ? "Always" : "IfNotPresent");
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
            env.Obj("valueFrom").Obj("fileKeyRef")?.Default("optional", false);
        }

        foreach (var name in (ReadOnlySpan<string>)["livenessProbe", "readinessProbe", "startupProbe"])
        {
            if (container.Obj(name) is { } probe)
            {
                probe.Default("timeoutSeconds", 1);
                probe.Default("periodSeconds", 10);
                probe.Default("successThreshold", 1);
                probe.Default("failureThreshold", 3);
                Http(probe.Obj("httpGet"));
                probe.Obj("grpc")?.Default("service", "");
            }
        }

        Http(container.Obj("lifecycle").Obj("preStop").Obj("httpGet"));
        Http(container.Obj("lifecycle").Obj("postStart").Obj("httpGet"));
        RequestsOfLimits(container.Obj("resources"));
    }

    private static bool IsLatest(string image) =>
        !image.Contains('@') && (image.EndsWith(":latest", StringComparison.Ordinal) || image.LastIndexOf(':') <= image.LastIndexOf('/'));

    private static void Http(JsonObject? http)
    {
        http?.Default("path", "/");
        http?.Default("scheme", "HTTP");
    }

    private static void Volume(JsonObject volume)
    {
        if (!volume.Any(p => p.Key != "name" && p.Value is not null))
        {
            volume["emptyDir"] = new JsonObject();
        }

        foreach (var name in (ReadOnlySpan<string>)["configMap", "secret", "downwardAPI", "projected"])
        {
            volume.Obj(name)?.Default("defaultMode", 420);
        }

        VolumeSource(volume);
        if (volume.Obj("image") is { } image)
        {
            image.Default("pullPolicy", IsLatest(image.Str("reference")) ? "Always" : "IfNotPresent");
        }

        volume.Obj("ephemeral").Obj("volumeClaimTemplate").Obj("spec")?.Default("volumeMode", "Filesystem");
        Downward(volume.Obj("downwardAPI"));
        foreach (var source in volume.Obj("projected").Items("sources"))
        {
            source.Obj("serviceAccountToken")?.Default("expirationSeconds", 3600);
            source.Obj("podCertificate")?.Default("maxExpirationSeconds", 86400);
            Downward(source.Obj("downwardAPI"));
        }
    }

    /// <summary>Defaults of sources that Pods and PersistentVolumes share.</summary>
    public static void VolumeSource(JsonObject volume)
    {
        volume.Obj("hostPath")?.Default("type", "");
        volume.Obj("iscsi")?.Default("iscsiInterface", "default");
        if (volume.Obj("azureDisk") is { } azure)
        {
            azure.Default("cachingMode", "ReadWrite");
            azure.Default("fsType", "ext4");
            azure.Default("readOnly", false);
            azure.Default("kind", "Shared");
        }

        if (volume.Obj("rbd") is { } rbd)
        {
            rbd.Default("pool", "rbd");
            rbd.Default("user", "admin");
            rbd.Default("keyring", "/etc/ceph/keyring");
        }

        if (volume.Obj("scaleIO") is { } scale)
        {
            scale.Default("storageMode", "ThinProvisioned");
            scale.Default("fsType", "xfs");
        }
    }

    private static void Downward(JsonObject? source)
    {
        foreach (var item in source.Items("items"))
        {
            item.Obj("fieldRef")?.Default("apiVersion", "v1");
        }
    }
}
