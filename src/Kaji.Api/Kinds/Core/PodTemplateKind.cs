using System.Text.Json.Nodes;
using Kaji.Api.Kinds.Core.Pods;

namespace Kaji.Api.Kinds.Core;

/// <summary>A stored Pod template.</summary>
internal sealed class PodTemplateKind : KindBehavior
{
    public override bool HasGeneration => true;

    public override void Default(JsonObject obj) => PodSpecRules.Default(obj.Ensure("template").Ensure("spec"));

    public override void Validate(JsonObject obj, ICollection<FieldError> errors) => PodSpecRules.ValidateTemplate(new Fields(obj, "", errors).Of("template"));

    public override void Warn(JsonObject obj, JsonObject? old, Action<string> warn) => PodWarnings.Of(obj.Obj("template"), "template", warn);
}
