using System.Text.Json.Nodes;
using Kaji.Api.Errors;
using Kaji.Api.Metadata;

namespace Kaji.Api.Kinds.Networking;

/// <summary>IngressClass: which controller serves Ingresses; its controller can't change.</summary>
internal sealed class IngressClassKind : KindBehavior
{
    private const int MaxController = 250;

    public override bool HasGeneration => true;

    public override void Default(JsonObject obj) => obj.Obj("spec").Obj("parameters")?.Default("scope", "Cluster");

    public override void Validate(JsonObject obj, ICollection<FieldError> errors)
    {
        var spec = new Fields(obj.Obj("spec") ?? [], "spec", errors);
        if (spec.Str("controller").Length > MaxController)
        {
            errors.TooLong("spec.controller", MaxController);
        }

        spec.Rule("controller", Names.DomainPathErrors);
        if (spec.Sub("parameters") is not { } parameters)
        {
            return;
        }

        parameters.Rule("apiGroup", Names.Dns1123SubdomainErrors);
        parameters.RequiredRule("kind", Names.PathSegmentErrors);
        parameters.RequiredRule("name", Names.PathSegmentErrors);
        parameters.RequiredOneOf("scope", "Cluster", "Namespace");
        if (parameters.Str("scope") == "Namespace")
        {
            if (!parameters.Has("namespace"))
            {
                parameters.Required("namespace", "`parameters.scope` is set to 'Namespace'");
            }

            parameters.Rule("namespace", Names.Dns1123LabelErrors);
        }
        else if (parameters.Has("namespace"))
        {
            parameters.Forbidden("namespace", "`parameters.scope` is set to 'Cluster'");
        }
    }

    public override void ValidateCreate(JsonObject obj, ICollection<FieldError> errors)
    {
        if (obj.Obj("spec").Str("controller").Length == 0)
        {
            errors.Required("spec.controller");
        }
    }

    public override void ValidateUpdate(JsonObject obj, JsonObject old, ICollection<FieldError> errors) =>
        new Fields(obj.Obj("spec") ?? [], "spec", errors).Same("controller", old.Obj("spec"));
}
