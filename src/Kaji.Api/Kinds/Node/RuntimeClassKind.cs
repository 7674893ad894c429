using System.Text.Json.Nodes;
using Kaji.Api.Errors;
using Kaji.Api.Kinds.Core;
using Kaji.Api.Kinds.Core.Pods;
using Kaji.Api.Metadata;

namespace Kaji.Api.Kinds.Node;

/// <summary>RuntimeClass: its handler can't change.</summary>
internal sealed class RuntimeClassKind : KindBehavior
{
    public override void Validate(JsonObject obj, ICollection<FieldError> errors)
    {
        var runtime = new Fields(obj, "", errors);
        foreach (var problem in Names.Dns1123LabelErrors(runtime.Str("handler")))
        {
            runtime.Invalid("handler", runtime.Str("handler"), problem);
        }

        ResourceRules.Amounts(runtime.Of("overhead"), "podFixed");
        var scheduling = runtime.Of("scheduling");
        scheduling.Labels("nodeSelector");
        PlacementRules.Tolerations(scheduling, "tolerations");
    }

    public override void ValidateUpdate(JsonObject obj, JsonObject old, ICollection<FieldError> errors) => new Fields(obj, "", errors).Same("handler", old);

    public override void Warn(JsonObject obj, JsonObject? old, Action<string> warn)
    {
        foreach (var (key, _) in obj.Obj("scheduling").Obj("nodeSelector") ?? [])
        {
            if (NodeLabels.Deprecated(key) is { } message)
            {
                warn($"scheduling.nodeSelector: {message}");
            }
        }
    }
}
