using System.Text.Json.Nodes;
using Kaji.Api.Errors;

namespace Kaji.Api.Kinds.Core;

/// <summary>Namespace: deleted in steps through spec.finalizers and /finalize.</summary>
internal sealed class NamespaceKind : StatusKind
{
    public override bool HasGeneration => false;

    public override IReadOnlyList<string> SelectableFields => ["status.phase"];

    public override void Default(JsonObject obj) => obj.Ensure("metadata").Ensure("labels")["kubernetes.io/metadata.name"] = obj.Obj("metadata").Str("name");

    public override void PrepareForCreate(JsonObject obj)
    {
        obj["spec"] = new JsonObject { ["finalizers"] = new JsonArray("kubernetes") };
        obj["status"] = new JsonObject { ["phase"] = "Active" };
    }

    public override void PrepareForUpdate(JsonObject obj, JsonObject old)
    {
        base.PrepareForUpdate(obj, old);
        obj.CarryOver(old, "spec");
    }

    public override string SelectableField(JsonObject obj, string field) => obj.Obj("status").Str("phase");
}

/// <summary>Node.</summary>
internal sealed class NodeKind : StatusKind
{
    public override bool HasGeneration => false;

    public override IReadOnlyList<string> SelectableFields => ["spec.unschedulable"];

    public override void Default(JsonObject obj) => obj.Ensure("spec");

    // A node registers itself with its status in one request.
    public override void PrepareForCreate(JsonObject obj)
    {
    }

    public override string SelectableField(JsonObject obj, string field) => obj.Obj("spec").Bool("unschedulable") == true ? "true" : "false";
}

/// <summary>Event of the core group; events.k8s.io is the same object with other field names.</summary>
internal sealed class EventKind : KindBehavior
{
    public override IReadOnlyList<string> SelectableFields =>
    [
        "involvedObject.kind", "involvedObject.namespace", "involvedObject.name", "involvedObject.uid", "involvedObject.apiVersion", "involvedObject.resourceVersion",
        "involvedObject.fieldPath", "reason", "reportingComponent", "source", "type",
    ];

    public override void Validate(JsonObject obj, ICollection<FieldError> errors)
    {
        var ns = obj.Obj("involvedObject").Str("namespace");
        if (ns.Length > 0 && ns != obj.Obj("metadata").Str("namespace"))
        {
            errors.Invalid("involvedObject.namespace", ns, "does not match event.namespace");
        }
    }

    public override string SelectableField(JsonObject obj, string field) => field switch
    {
        "source" => obj.Obj("source").Str("component") is { Length: > 0 } component ? component : obj.Str("reportingComponent"),
        _ when field.StartsWith("involvedObject.", StringComparison.Ordinal) => obj.Obj("involvedObject").Str(field["involvedObject.".Length..]),
        _ => obj.Str(field),
    };
}

/// <summary>Endpoints, the older form of EndpointSlice.</summary>
internal sealed class EndpointsKind : KindBehavior
{
    public override void Default(JsonObject obj)
    {
        foreach (var port in obj.Items("subsets").SelectMany(s => s.Items("ports")))
        {
            port.Default("protocol", "TCP");
        }
    }
}

/// <summary>A stored Pod template.</summary>
internal sealed class PodTemplateKind : KindBehavior
{
    public override void Default(JsonObject obj) => PodSpecRules.Default(obj.Ensure("template").Ensure("spec"));
}

/// <summary>PersistentVolumeClaim.</summary>
internal sealed class PersistentVolumeClaimKind : StatusKind
{
    public override void Default(JsonObject obj) => obj.Ensure("spec").Default("volumeMode", "Filesystem");

    public override void PrepareForCreate(JsonObject obj) => obj["status"] = new JsonObject { ["phase"] = "Pending" };
}

/// <summary>PersistentVolume.</summary>
internal sealed class PersistentVolumeKind : StatusKind
{
    public override void Default(JsonObject obj)
    {
        obj.Ensure("spec").Default("volumeMode", "Filesystem");
        obj.Ensure("spec").Default("persistentVolumeReclaimPolicy", "Retain");
    }

    public override void PrepareForCreate(JsonObject obj) => obj["status"] = new JsonObject { ["phase"] = "Pending" };
}
