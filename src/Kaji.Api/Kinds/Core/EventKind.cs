using System.Text.Json.Nodes;
using Kaji.Api.Errors;

namespace Kaji.Api.Kinds.Core;

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
