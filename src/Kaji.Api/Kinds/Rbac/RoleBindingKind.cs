using System.Text.Json.Nodes;
using Kaji.Api.Errors;
using Kaji.Api.Metadata;

namespace Kaji.Api.Kinds.Rbac;

/// <summary>RoleBinding and ClusterRoleBinding: what they refer to can't change.</summary>
internal sealed class RoleBindingKind : KindBehavior
{
    private const string Group = "rbac.authorization.k8s.io";

    public override void Default(JsonObject obj)
    {
        obj.Obj("roleRef")?.Default("apiGroup", Group);
        foreach (var subject in obj.Items("subjects"))
        {
            if (subject.Str("kind") is "User" or "Group")
            {
                subject.Default("apiGroup", Group);
            }
        }
    }

    public override void Validate(JsonObject obj, ICollection<FieldError> errors)
    {
        var binding = new Fields(obj, "", errors);
        var cluster = obj.Str("kind") == "ClusterRoleBinding";
        var role = binding.Of("roleRef");
        if (role.Str("apiGroup") != Group)
        {
            role.NotSupported("apiGroup", role.Str("apiGroup"), Group);
        }

        if (role.Str("kind") != "ClusterRole" && (cluster || role.Str("kind") != "Role"))
        {
            role.NotSupported("kind", role.Str("kind"), cluster ? ["ClusterRole"] : ["Role", "ClusterRole"]);
        }

        role.RequiredRule("name", Names.PathSegmentErrors);
        foreach (var subject in binding.Items("subjects"))
        {
            Subject(subject);
        }
    }

    public override void ValidateUpdate(JsonObject obj, JsonObject old, ICollection<FieldError> errors) => new Fields(obj, "", errors).Same("roleRef", old, "cannot change roleRef");

    private static void Subject(Fields subject)
    {
        subject.Present("name");
        var group = subject.Str("apiGroup");
        switch (subject.Str("kind"))
        {
            case "ServiceAccount":
                subject.Rule("name", Names.Dns1123SubdomainErrors);
                if (group.Length > 0)
                {
                    subject.NotSupported("apiGroup", group, "");
                }

                subject.Present("namespace");
                break;
            case "User" or "Group":
                if (group != Group)
                {
                    subject.NotSupported("apiGroup", group, Group);
                }

                break;
            default:
                subject.NotSupported("kind", subject.Str("kind"), "ServiceAccount", "User", "Group");
                break;
        }
    }
}
