using System.Text.Json.Nodes;
using Kaji.Api.Errors;
using Kaji.Api.Metadata;

namespace Kaji.Api.Kinds.Coordination;

/// <summary>Lease: https://kubernetes.io/docs/reference/kubernetes-api/cluster-resources/lease-v1/</summary>
internal sealed class LeaseKind : KindBehavior
{
    public override void Validate(JsonObject obj, ICollection<FieldError> errors)
    {
        var spec = new Fields(obj.Obj("spec") ?? [], "spec", errors);
        spec.Positive("leaseDurationSeconds");
        spec.NonNegative("leaseTransitions");
        spec.Rule("strategy", Names.QualifiedNameErrors);
        if (spec.Has("preferredHolder") && spec.Str("strategy").Length == 0)
        {
            spec.Forbidden("preferredHolder", "may only be specified when `strategy` is defined");
        }
    }
}
