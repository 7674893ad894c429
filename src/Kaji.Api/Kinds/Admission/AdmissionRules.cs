using System.Text.Json.Nodes;
using Kaji.Api.Errors;
using Kaji.Api.Metadata;

namespace Kaji.Api.Kinds.Admission;

/// <summary>Defaults and validation that webhooks and policies share: rules with operations, match resources, match conditions.</summary>
internal static class AdmissionRules
{
    private const int MaxConditions = 64;
    private static readonly string[] Operations = ["*", "CONNECT", "CREATE", "DELETE", "UPDATE"];
    private static readonly string[] Scopes = ["*", "Cluster", "Namespaced"];
    private static readonly string[] MatchPolicies = ["Equivalent", "Exact"];

    public static void DefaultMatch(JsonObject match, string rules)
    {
        match.Default("matchPolicy", "Equivalent");
        match.Ensure("namespaceSelector");
        match.Ensure("objectSelector");
        foreach (var rule in match.Items(rules).Concat(match.Items("excludeResourceRules")))
        {
            rule.Default("scope", "*");
        }
    }

    public static void ValidateMatch(JsonObject match, string rules, string path, ICollection<FieldError> errors)
    {
        OneOf(match, "matchPolicy", path, MatchPolicies, errors);
        Rules(match, rules, path, errors);
        Rules(match, "excludeResourceRules", path, errors);
    }

    public static void OneOf(JsonObject obj, string field, string path, string[] supported, ICollection<FieldError> errors)
    {
        if (obj.Str(field) is { Length: > 0 } value && !supported.Contains(value, StringComparer.Ordinal))
        {
            errors.NotSupported(path + field, value, supported);
        }
    }

    public static void Conditions(JsonObject owner, string path, ICollection<FieldError> errors)
    {
        var names = new HashSet<string>(StringComparer.Ordinal);
        var index = 0;
        foreach (var condition in owner.Items("matchConditions"))
        {
            var at = $"{path}matchConditions[{index++}]";
            var name = condition.Str("name");
            if (condition.Str("expression").Trim().Length == 0)
            {
                errors.Required($"{at}.expression");
            }

            if (name.Length == 0)
            {
                errors.Required($"{at}.name");
            }
            else if (Names.QualifiedNameErrors(name) is [var problem, ..])
            {
                errors.Invalid($"{at}.name", name, problem);
            }
            else if (!names.Add(name))
            {
                errors.Duplicate($"{at}.name", name);
            }
        }

        if (index > MaxConditions)
        {
            errors.Add(new FieldError("FieldValueTooMany", $"{path}matchConditions", $"Too many: {index}: must have at most {MaxConditions} items"));
        }
    }

    private static void Rules(JsonObject match, string field, string path, ICollection<FieldError> errors)
    {
        var index = 0;
        foreach (var rule in match.Items(field))
        {
            var at = $"{path}{field}[{index++}].";
            foreach (var (name, lone) in (ReadOnlySpan<(string, bool)>)[("operations", true), ("apiGroups", true), ("apiVersions", true), ("resources", false)])
            {
                var values = (rule[name] as JsonArray ?? []).Select(v => v.Text()).ToArray();
                if (values.Length == 0)
                {
                    errors.Required(at + name);
                }
                else if (lone && values.Length > 1 && values.Contains("*", StringComparer.Ordinal))
                {
                    errors.Invalid(at + name, values, $"if '*' is present, must not specify other {(name == "operations" ? "operations" : name == "apiGroups" ? "API groups" : "API versions")}");
                }

                for (var i = 0; i < values.Length; i++)
                {
                    if (name == "operations" && !Operations.Contains(values[i], StringComparer.Ordinal))
                    {
                        errors.NotSupported($"{at}operations[{i}]", values[i], Operations);
                    }
                    else if (name is "apiVersions" or "resources" && values[i].Length == 0)
                    {
                        errors.Required($"{at}{name}[{i}]");
                    }
                }
            }

            OneOf(rule, "scope", at, Scopes, errors);
        }
    }
}
