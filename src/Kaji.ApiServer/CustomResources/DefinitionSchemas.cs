using System.Globalization;
using System.Text.Json.Nodes;
using Kaji.Api;
using Kaji.Api.CustomResources;
using Kaji.Api.Errors;
using Kaji.Api.Kinds;
using Kaji.ApiServer.Admission;
using Kaji.Cel.Costs;
using Kaji.Cel.Regexes;

namespace Kaji.ApiServer.CustomResources;

/// <summary>
/// The last step before a CustomResourceDefinition is stored: its schemas must be structural, their rules must compile, and what these may cost is bounded. What was stored
/// before is not asked again.
/// </summary>
internal sealed class DefinitionSchemas : IAdmissionPlugin
{
    private const double RuleLimit = 10_000_000;
    private const double SchemaLimit = 100_000_000;
    private static readonly PatternCompiler Patterns = static pattern => Re2.TryCompile(pattern, out var regex, out _) ? regex : null;

    public string Name => "CustomResourceSchemas";

    public ValueTask<ApiError?> ValidateAsync(AdmissionRequest request, CancellationToken cancellationToken)
    {
        if (request is not { Resource: { Group: "apiextensions.k8s.io", Plural: "customresourcedefinitions" }, Subresource: "", Operation: "CREATE" or "UPDATE", Object: { } crd })
        {
            return ValueTask.FromResult<ApiError?>(null);
        }

        var errors = new List<FieldError>();
        var versions = crd.Obj("spec").Items("versions").ToArray();
        var before = request.OldObject.Obj("spec").Items("versions").Select(v => v.Obj("schema").Obj("openAPIV3Schema")).ToArray();
        for (var i = 0; i < versions.Length; i++)
        {
            if (versions[i].Obj("schema").Obj("openAPIV3Schema") is { } schema && !before.Any(b => JsonNode.DeepEquals(b, schema)))
            {
                Check(schema, (versions.Length == 1 ? "spec.validation" : $"spec.versions[{i}].schema") + ".openAPIV3Schema", errors);
            }
        }

        return ValueTask.FromResult(errors.Count == 0 ? null : ApiErrors.Invalid(request.Resource.Group, request.Resource.Kind, request.Name, errors));
    }

    private static void Check(JsonObject json, string path, List<FieldError> errors)
    {
        SchemaStructure.Validate(json, path, Patterns, errors);
        if (errors.Count > 0)
        {
            return;
        }

        var schema = StructuralSchema.Parse(json, Patterns);
        double total = 0;
        Rules(schema, path, root: true, correlatable: true, 1, errors, ref total);
        if (total > SchemaLimit)
        {
            errors.Forbidden(path, $"x-kubernetes-validations estimated rule cost total for entire OpenAPIv3 schema exceeds budget by factor of {Factor(total / SchemaLimit)} (try simplifying the rule, or adding maxItems, maxProperties, and maxLength where arrays, maps, and strings are declared)");
        }
    }

    /// <param name="times">How many values of this part an object can have at most.</param>
    private static void Rules(StructuralSchema schema, string path, bool root, bool correlatable, double times, List<FieldError> errors, ref double total)
    {
        if (!schema.HasRules)
        {
            return;
        }

        var type = schema.Rules.Count == 0 ? null : SchemaTypes.Of(schema, root);
        for (var i = 0; i < schema.Rules.Count; i++)
        {
            var (rule, at) = (schema.Rules[i], $"{path}.x-kubernetes-validations[{i}]");
            if (!Words(rule, at, schema, errors) || type is null)
            {
                continue;
            }

            var compiled = CompiledRule.Of(rule, type);
            if (compiled.Wrong is { } wrong)
            {
                errors.Invalid(at + ".rule", rule.Rule, wrong);
                continue;
            }

            if (compiled.WrongMessage is { } wrongMessage)
            {
                errors.Invalid(at + ".messageExpression", rule.MessageExpression, wrongMessage);
            }

            if (compiled.IsTransition && !correlatable)
            {
                errors.Invalid(at + ".rule", rule.Rule, $"oldSelf cannot be used on the uncorrelatable portion of the schema within {path}");
            }

            foreach (var (cost, field, name) in (ReadOnlySpan<(CelRange, string, string)>)[(compiled.Cost, "rule", "rule"), (compiled.MessageCost, "messageExpression", "messageExpression")])
            {
                var most = cost.Max * times;
                total += most;
                if (most > RuleLimit)
                {
                    errors.Forbidden($"{at}.{field}", $"estimated {name} cost exceeds budget by factor of {Factor(most / RuleLimit)} (try simplifying the rule, or adding maxItems, maxProperties, and maxLength where arrays, maps, and strings are declared)");
                }
            }
        }

        foreach (var (name, property) in schema.Properties)
        {
            Rules(property, $"{path}.properties[{name}]", root: false, correlatable, times, errors, ref total);
        }

        if (schema.AdditionalProperties is { } values)
        {
            Rules(values, path + ".additionalProperties", root: false, correlatable, times * (schema.MaxProperties ?? Many(values, 6)), errors, ref total);
        }

        if (schema.Items is { } items)
        {
            Rules(items, path + ".items", root: false, correlatable && schema.ListType == "map", times * (schema.MaxItems ?? Many(items, 1)), errors, ref total);
        }
    }

    private static long Many(StructuralSchema element, long extra) =>
        (RequestBounds.MaxRequestBytes - 2) / ((SchemaTypes.Of(element)?.MinJsonSize ?? element.Type switch { "boolean" => 4, "integer" or "number" => 1, _ => 2 }) + extra);

    /// <summary>What can be seen of a rule without compiling it.</summary>
    private static bool Words(ValidationRule rule, string at, StructuralSchema schema, List<FieldError> errors)
    {
        var before = errors.Count;
        if (rule.Rule.Trim().Length == 0)
        {
            errors.Required(at + ".rule", "rule is not specified");
        }

        if (rule.Message.Length > 0 && rule.Message.Trim().Length == 0)
        {
            errors.Invalid(at + ".message", rule.Message, "message must be non-empty if specified");
        }
        else if (rule.Message.Trim().Contains('\n', StringComparison.Ordinal))
        {
            errors.Invalid(at + ".message", rule.Message, "message must not contain line breaks");
        }
        else if (rule.Rule.Trim().Contains('\n', StringComparison.Ordinal) && rule.Message.Trim().Length == 0)
        {
            errors.Required(at + ".message", "message must be specified if rule contains line breaks");
        }

        if (rule.MessageExpression.Length > 0 && rule.MessageExpression.Trim().Length == 0)
        {
            errors.Required(at + ".messageExpression", "messageExpression must be non-empty if specified");
        }

        if (rule.Reason.Length > 0 && rule.Reason is not ("FieldValueInvalid" or "FieldValueForbidden" or "FieldValueRequired" or "FieldValueDuplicate"))
        {
            errors.NotSupported(at + ".reason", rule.Reason, ["FieldValueDuplicate", "FieldValueForbidden", "FieldValueInvalid", "FieldValueRequired"]);
        }

        if (rule.FieldPath.Length > 0)
        {
            StructuralSchema? found = schema;
            foreach (var step in FieldPath.Parse(rule.FieldPath).Steps)
            {
                found = found is null ? null : found.Properties.TryGetValue(step, out var property) ? property : found.AdditionalProperties;
            }

            if (rule.FieldPath[0] is not ('.' or '[') || found is null || ReferenceEquals(found, schema))
            {
                errors.Invalid(at + ".fieldPath", rule.FieldPath, "fieldPath must be a valid path: does not refer to a valid field");
            }
        }

        return errors.Count == before;
    }

    private static string Factor(double factor) => factor > 100 ? "more than 100x" : string.Create(CultureInfo.InvariantCulture, $"{factor:0.0}x");
}
