using System.Text.Json.Nodes;
using Kaji.Api.Kinds;

namespace Kaji.Api.Tables;

/// <summary>Cells of volumes, claims and what storage drivers say.</summary>
internal static class StorageCells
{
    private const string Unset = "<unset>";
    private static readonly (string Mode, string Text)[] Short = [("ReadWriteOnce", "RWO"), ("ReadOnlyMany", "ROX"), ("ReadWriteMany", "RWX"), ("ReadWriteOncePod", "RWOP")];

    public static readonly Dictionary<(string Group, string Plural), Func<JsonObject, DateTimeOffset, IReadOnlyList<JsonNode?>>> Known = new()
    {
        [("", "persistentvolumeclaims")] = Claim,
        [("", "persistentvolumes")] = Volume,
        [("storage.k8s.io", "storageclasses")] = (o, now) =>
        [
            Default(o), o.Str("provisioner"), Or(o.Str("reclaimPolicy"), "Delete"), Or(o.Str("volumeBindingMode"), Unset), o.Bool("allowVolumeExpansion") == true, Cells.Age(o, now),
        ],
        [("storage.k8s.io", "volumeattributesclasses")] = (o, now) => [Cells.Name(o), o.Str("driverName"), Cells.Age(o, now)],
        [("storage.k8s.io", "csidrivers")] = (o, now) =>
        [
            Cells.Name(o), o.Obj("spec").Bool("attachRequired") != false, o.Obj("spec").Bool("podInfoOnMount") == true, o.Obj("spec").Bool("storageCapacity") == true,
            Or(string.Join(",", o.Obj("spec").Items("tokenRequests").Select(t => t.Str("audience"))), Unset), o.Obj("spec").Bool("requiresRepublish") == true,
            Or(Join(o.Obj("spec")?["volumeLifecycleModes"]), Cells.None), Cells.Age(o, now),
        ],
        [("storage.k8s.io", "csinodes")] = (o, now) => [Cells.Name(o), o.Obj("spec").Items("drivers").Count(), Cells.Age(o, now)],
        [("storage.k8s.io", "volumeattachments")] = (o, now) =>
        [
            Cells.Name(o), o.Obj("spec").Str("attacher"), o.Obj("spec").Obj("source").Str("persistentVolumeName"), o.Obj("spec").Str("nodeName"), o.Obj("status").Bool("attached") == true, Cells.Age(o, now),
        ],
        [("resource.k8s.io", "resourceclaims")] = (o, now) => [Cells.Name(o), ClaimState(o), Cells.Age(o, now)],
        [("resource.k8s.io", "resourceslices")] = (o, now) =>
            [Cells.Name(o), Or(o.Obj("spec").Str("nodeName"), Unset), o.Obj("spec").Str("driver"), o.Obj("spec").Obj("pool").Str("name"), Cells.Age(o, now)],
    };

    private static JsonNode?[] Claim(JsonObject o, DateTimeOffset now)
    {
        var spec = o.Obj("spec");
        var bound = spec.Str("volumeName").Length > 0;
        return
        [
            Cells.Name(o), Phase(o), spec.Str("volumeName"), bound ? o.Obj("status").Obj("capacity")?["storage"].Text() ?? "" : "", bound ? Modes(o.Obj("status")?["accessModes"]) : "",
            ClassOf(o), Or(spec.Str("volumeAttributesClassName"), Unset), Cells.Age(o, now), Or(spec.Str("volumeMode"), Unset),
        ];
    }

    private static JsonNode?[] Volume(JsonObject o, DateTimeOffset now)
    {
        var spec = o.Obj("spec");
        var claim = spec.Obj("claimRef");
        return
        [
            Cells.Name(o), spec.Obj("capacity")?["storage"].Text() ?? "", Modes(spec?["accessModes"]), spec.Str("persistentVolumeReclaimPolicy"), Phase(o),
            claim is null ? "" : $"{claim.Str("namespace")}/{claim.Str("name")}", ClassOf(o), Or(spec.Str("volumeAttributesClassName"), Unset), o.Obj("status").Str("reason"), Cells.Age(o, now),
            Or(spec.Str("volumeMode"), Unset),
        ];
    }

    private static string Phase(JsonObject o) => o.Obj("metadata")?["deletionTimestamp"] is null ? o.Obj("status").Str("phase") : "Terminating";

    private static string ClassOf(JsonObject o) => Or(o.Obj("metadata").Obj("annotations").Str("volume.beta.kubernetes.io/storage-class"), o.Obj("spec").Str("storageClassName"));

    private static string Default(JsonObject o) =>
        o.Obj("metadata").Obj("annotations") is { } said && (said.Str("storageclass.kubernetes.io/is-default-class") == "true" || said.Str("storageclass.beta.kubernetes.io/is-default-class") == "true")
            ? $"{Cells.Name(o)} (default)" : Cells.Name(o);

    private static string Modes(JsonNode? modes)
    {
        var all = (modes as JsonArray ?? []).Select(m => m.Text()).ToHashSet(StringComparer.Ordinal);
        return string.Join(",", Short.Where(k => all.Contains(k.Mode)).Select(k => k.Text));
    }

    private static string ClaimState(JsonObject o)
    {
        var states = new List<string>();
        if (o.Obj("metadata")?["deletionTimestamp"] is not null)
        {
            states.Add("deleted");
        }

        if (o.Obj("status")?["allocation"] is null)
        {
            if (states.Count == 0)
            {
                states.Add("pending");
            }
        }
        else
        {
            states.Add("allocated");
            if (o.Obj("status").Items("reservedFor").Any())
            {
                states.Add("reserved");
            }
        }

        return string.Join(",", states);
    }

    private static string Join(JsonNode? list) => string.Join(",", (list as JsonArray ?? []).Select(v => v.Text()));

    private static string Or(string text, string other) => text.Length > 0 ? text : other;
}
