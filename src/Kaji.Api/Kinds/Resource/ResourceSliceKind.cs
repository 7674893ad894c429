using System.Text.Json.Nodes;
using Kaji.Api.Errors;
using Kaji.Api.Kinds.Core.Pods;
using Kaji.Api.Metadata;

namespace Kaji.Api.Kinds.Resource;

/// <summary>ResourceSlice: devices that a driver offers.</summary>
internal sealed class ResourceSliceKind : KindBehavior
{
    private static readonly string[] Wheres = ["nodeName", "nodeSelector", "allNodes", "perDeviceNodeSelection"];

    public override bool HasGeneration => true;

    public override IReadOnlyList<string> SelectableFields => ["spec.nodeName", "spec.driver"];

    public override void Validate(JsonObject obj, ICollection<FieldError> errors)
    {
        var spec = new Fields(obj.Obj("spec") ?? [], "spec", errors);
        spec.RequiredRule("driver", Names.DriverNameErrors);
        var pool = spec.Of("pool");
        if (pool.Present("name"))
        {
            foreach (var problem in pool.Str("name").Split('/').SelectMany(Names.Dns1123SubdomainErrors))
            {
                pool.Invalid("name", pool.Str("name"), problem);
            }
        }

        if ((pool.Int("resourceSliceCount") ?? 0) <= 0)
        {
            pool.Invalid("resourceSliceCount", pool.Int("resourceSliceCount") ?? 0, "must be greater than zero");
        }

        pool.NonNegative("generation");
        var said = Wheres.Where(w => spec.Has(w) && spec.Bool(w) != false).ToArray();
        if (said.Length == 0)
        {
            errors.Required("spec", "exactly one of `nodeName`, `nodeSelector`, `allNodes`, `perDeviceNodeSelection` is required");
        }
        else if (said.Length > 1)
        {
            errors.Invalid("spec", $"{{{string.Join(", ", said.Select(s => $"`{s}`"))}}}", "exactly one of `nodeName`, `nodeSelector`, `allNodes`, `perDeviceNodeSelection` is required, but multiple fields are set");
        }

        spec.Rule("nodeName", Names.Dns1123SubdomainErrors);
        if (spec.Sub("nodeSelector") is { } selector)
        {
            PlacementRules.NodeSelector(selector);
        }

        spec.AtMost("devices", 128);
        var names = new HashSet<string>(StringComparer.Ordinal);
        foreach (var device in spec.Items("devices"))
        {
            device.Unique("name", Names.Dns1123LabelErrors, names);
            var count = (device.Object.Obj("attributes")?.Count ?? 0) + (device.Object.Obj("capacity")?.Count ?? 0);
            if (count > 32)
            {
                errors.Invalid(device.Path, count, "the total number of attributes and capacities must not exceed 32");
            }
        }
    }

    public override void ValidateUpdate(JsonObject obj, JsonObject old, ICollection<FieldError> errors)
    {
        var spec = new Fields(obj.Obj("spec") ?? [], "spec", errors);
        spec.Same("driver", old.Obj("spec"));
        spec.Same("nodeName", old.Obj("spec"));
        spec.Of("pool").Same("name", old.Obj("spec").Obj("pool"));
    }

    public override string SelectableField(JsonObject obj, string field) => obj.Obj("spec").Str(field["spec.".Length..]);
}
