using System.Text.Json.Nodes;
using Kaji.Api.Errors;
using Kaji.Api.Metadata;

namespace Kaji.Api.Kinds.Flowcontrol;

/// <summary>FlowSchema: which requests are of which priority level. https://kubernetes.io/docs/concepts/cluster-administration/flow-control/</summary>
internal sealed class FlowSchemaKind : StatusKind
{
    private const int MaxPrecedence = 10000;
    private static readonly string[] Verbs = ["create", "delete", "deletecollection", "get", "list", "patch", "proxy", "update", "watch"];
    private static readonly (string Kind, string Field)[] Subjects = [("ServiceAccount", "serviceAccount"), ("User", "user"), ("Group", "group")];

    public override void Default(JsonObject obj)
    {
        var spec = obj.Ensure("spec");
        if (spec.Int("matchingPrecedence") is null or 0)
        {
            spec["matchingPrecedence"] = 1000;
        }
    }

    public override void Validate(JsonObject obj, ICollection<FieldError> errors)
    {
        var spec = new Fields(obj.Obj("spec") ?? [], "spec", errors);
        var precedence = spec.Int("matchingPrecedence") ?? 0;
        spec.Positive("matchingPrecedence", "must be a positive value");
        if (precedence > MaxPrecedence)
        {
            spec.Invalid("matchingPrecedence", precedence, $"must not be greater than {MaxPrecedence}");
        }

        if (precedence == 1 && obj.Obj("metadata").Str("name") != "exempt")
        {
            spec.Invalid("matchingPrecedence", precedence, "only the schema named 'exempt' may have matchingPrecedence 1");
        }

        if (spec.Sub("distinguisherMethod") is { } method && method.Str("type") is not ("ByNamespace" or "ByUser"))
        {
            method.NotSupported("type", method.Str("type"), "ByNamespace", "ByUser");
        }

        var level = spec.Of("priorityLevelConfiguration");
        if (level.Present("name", "must reference a priority level"))
        {
            level.Rule("name", Names.Dns1123SubdomainErrors);
        }

        foreach (var rule in spec.Items("rules"))
        {
            Rule(rule);
        }
    }

    public override void ValidateStatusUpdate(JsonObject obj, JsonObject old, ICollection<FieldError> errors) => Conditions(obj, errors);

    /// <summary>Conditions of a status: each type once.</summary>
    internal static void Conditions(JsonObject obj, ICollection<FieldError> errors)
    {
        var seen = new HashSet<string>(StringComparer.Ordinal);
        foreach (var condition in new Fields(obj.Obj("status") ?? [], "status", errors).Items("conditions"))
        {
            if (!seen.Add(condition.Str("type")))
            {
                condition.Duplicate("type", condition.Str("type"));
            }

            condition.Present("type", "must not be empty");
        }
    }

    private static void Rule(Fields rule)
    {
        if (!rule.HasAny("subjects"))
        {
            rule.Required("subjects", "subjects must contain at least one value");
        }

        foreach (var subject in rule.Items("subjects"))
        {
            Subject(subject);
        }

        if (!rule.HasAny("resourceRules") && !rule.HasAny("nonResourceRules"))
        {
            rule.Errors.Required(rule.Path, "at least one of resourceRules and nonResourceRules has to be non-empty");
        }

        foreach (var resources in rule.Items("resourceRules"))
        {
            VerbsOf(resources);
            List(resources, "apiGroups", "resource rules must supply at least one api group", "other api groups");
            List(resources, "resources", "resource rules must supply at least one resource", "other resources");
            Namespaces(resources);
        }

        foreach (var paths in rule.Items("nonResourceRules"))
        {
            VerbsOf(paths);
            List(paths, "nonResourceURLs", "nonResourceURLs must contain at least one value", "other non-resource URLs");
            var urls = paths.Strings("nonResourceURLs");
            for (var i = 0; i < urls.Length; i++)
            {
                if (urls[i] != "*" && UrlProblem(urls[i]) is { } problem)
                {
                    paths.Errors.Invalid(paths.At("nonResourceURLs", i), urls[i], problem);
                }
            }
        }
    }

    private static void Subject(Fields subject)
    {
        var kind = subject.Str("kind");
        if (!Subjects.Any(s => s.Kind == kind))
        {
            subject.NotSupported("kind", kind, "Group", "ServiceAccount", "User");
            return;
        }

        foreach (var (other, field) in Subjects)
        {
            if (other != kind)
            {
                if (subject.Has(field))
                {
                    subject.Forbidden(field, $"{field} is forbidden when subject kind is not '{other}'");
                }
            }
            else if (subject.Sub(field) is not { } named)
            {
                subject.Required(field, $"{field} is required when subject kind is '{other}'");
            }
            else
            {
                named.Present("name");
                if (kind == "ServiceAccount" && named.Present("namespace", "must specify namespace for service account"))
                {
                    named.Rule("namespace", Names.Dns1123LabelErrors);
                }
            }
        }
    }

    private static void VerbsOf(Fields rule)
    {
        List(rule, "verbs", "verbs must contain at least one value", "other verbs");
        var verbs = rule.Strings("verbs");
        if (!verbs.Contains("*", StringComparer.Ordinal) && verbs.Any(v => !Verbs.Contains(v, StringComparer.Ordinal)))
        {
            rule.NotSupported("verbs", verbs, Verbs);
        }
    }

    private static void List(Fields rule, string field, string missing, string others)
    {
        var values = rule.Strings(field);
        if (values.Length == 0)
        {
            rule.Required(field, missing);
        }
        else if (values.Length > 1 && values.Contains("*", StringComparer.Ordinal))
        {
            rule.Invalid(field, values, $"if '*' is present, must not specify {others}");
        }
    }

    private static void Namespaces(Fields rule)
    {
        var namespaces = rule.Strings("namespaces");
        if (namespaces.Length == 0 && rule.Bool("clusterScope") != true)
        {
            rule.Required("namespaces", "resource rules that are not cluster scoped must supply at least one namespace");
        }
        else if (namespaces.Contains("*", StringComparer.Ordinal))
        {
            if (namespaces.Length > 1)
            {
                rule.Invalid("namespaces", namespaces, "if '*' is present, must not specify other namespaces");
            }
        }
        else
        {
            for (var i = 0; i < namespaces.Length; i++)
            {
                foreach (var problem in Names.Dns1123LabelErrors(namespaces[i]))
                {
                    rule.Errors.Invalid(rule.At("namespaces", i), namespaces[i], "each member of this list must be '*' or a DNS-1123 label; " + problem);
                }
            }
        }
    }

    private static string? UrlProblem(string url) => url switch
    {
        "" => "must not be empty",
        "/" => null,
        _ when url[0] != '/' => "must start with slash",
        _ when url.Contains(' ') => "must not contain white-space",
        _ when url.Contains("//", StringComparison.Ordinal) => "must not contain double slash",
        _ when url.Contains('*') && (url.Count(c => c == '*') > 1 || !url.EndsWith("/*", StringComparison.Ordinal)) => "wildcard can only do suffix matching",
        _ => null,
    };
}
