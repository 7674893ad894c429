using System.Text.Json.Nodes;
using Kaji.Api;
using Kaji.Api.CustomResources;
using Kaji.Api.Errors;
using Kaji.Cel;
using Kaji.Cel.Costs;
using Kaji.Cel.Values;

namespace Kaji.ApiServer.CustomResources;

/// <summary>
/// The rules (<c>x-kubernetes-validations</c>) of a schema, compiled once, in a tree of the parts of the schema that have any.
/// https://kubernetes.io/docs/tasks/extend-kubernetes/custom-resources/custom-resource-definitions/#validation-rules
/// </summary>
internal sealed class SchemaRules
{
    /// <summary>What the rules of one object may cost together.</summary>
    public const long ObjectBudget = 10_000_000;
    private readonly StructuralSchema _schema;
    private readonly CelType _type;
    private readonly List<CompiledRule> _rules;
    private readonly Dictionary<string, SchemaRules> _properties = new(StringComparer.Ordinal);
    private readonly SchemaRules? _values;
    private readonly SchemaRules? _items;

    private SchemaRules(StructuralSchema schema, CelType type)
    {
        (_schema, _type) = (schema, type);
        _rules = [.. schema.Rules.Select(r => CompiledRule.Of(r, type))];
        foreach (var (name, property) in schema.Properties)
        {
            if (Of(property, root: false) is { } below)
            {
                _properties[name] = below;
            }
        }

        _values = schema.AdditionalProperties is { } values ? Of(values, root: false) : null;
        _items = schema.Items is { } items ? Of(items, root: false) : null;
    }

    /// <summary>Null when there are no rules.</summary>
    public static SchemaRules? Of(StructuralSchema schema, bool root) => schema.HasRules ? new SchemaRules(schema, SchemaTypes.Of(schema, root) ?? CelType.Dyn) : null;

    /// <summary>Evaluates all rules.</summary>
    public void Validate(JsonObject obj, JsonObject? old, ICollection<FieldError> errors)
    {
        long budget = ObjectBudget;
        Walk(obj, old, "", errors, ref budget);
    }

    private void Walk(JsonNode? node, JsonNode? old, string path, ICollection<FieldError> errors, ref long budget)
    {
        // A rule about whether a value is there belongs to what it is in.
        if (node is null)
        {
            return;
        }

        // What did not change was right, or was let be: only rules about changes have a say.
        var same = old is not null && JsonNode.DeepEquals(node, old);
        foreach (var rule in _rules)
        {
            if (budget < 0)
            {
                return;
            }

            if (rule.IsTransition ? old is not null || rule.Rule.OptionalOldSelf == true : !same)
            {
                Evaluate(rule, node, old, path, errors, ref budget);
            }
        }

        switch (node)
        {
            case JsonObject obj:
                foreach (var (name, value) in obj)
                {
                    if (_properties.TryGetValue(name, out var below))
                    {
                        below.Walk(value, (old as JsonObject)?[name], path.Length == 0 ? name : $"{path}.{name}", errors, ref budget);
                    }
                    else if (_values is not null && !_schema.Properties.ContainsKey(name))
                    {
                        _values.Walk(value, (old as JsonObject)?[name], $"{path}[{name}]", errors, ref budget);
                    }
                }

                break;
            case JsonArray list when _items is not null:
                for (var i = 0; i < list.Count; i++)
                {
                    _items.Walk(list[i], SchemaValidation.OldItem(old as JsonArray, list[i], _schema), $"{path}[{i}]", errors, ref budget);
                }

                break;
        }
    }

    private void Evaluate(CompiledRule rule, JsonNode? node, JsonNode? old, string path, ICollection<FieldError> errors, ref long budget)
    {
        if (rule.Wrong is { } wrong)
        {
            errors.Invalid(At(path), _schema.Type, $"rule compile error: {wrong}");
            return;
        }

        var oldSelf = old is null ? null : CelJson.FromJson(old, _type);
        var bindings = new CelBindings(new Dictionary<string, object?>(StringComparer.Ordinal)
        {
            ["self"] = CelJson.FromJson(node, _type),
            ["oldSelf"] = rule.Rule.OptionalOldSelf == true ? old is null ? CelOptional.None : CelOptional.Of(oldSelf) : oldSelf,
        });
        var result = rule.Program!.Evaluate(bindings, Math.Min(CelProgram.PerCallLimit, budget + 1));
        budget -= (long)Math.Min(result.Cost, long.MaxValue);
        if (result.IsCostLimitExceeded || budget < 0)
        {
            errors.Invalid(At(path), _schema.Type, budget < 0
                ? "validation failed due to running out of cost budget, no further validation rules will be run"
                : $"'operation cancelled: actual cost limit exceeded': no further validation rules will be run due to call cost exceeds limit for rule: {Name(rule.Rule)}");
            budget = -1;
            return;
        }

        if (result.IsError)
        {
            errors.Invalid(At(path), _schema.Type, result.Error!.StartsWith("no such overload", StringComparison.Ordinal)
                ? $"'{result.Error}': call arguments did not match a supported operator, function or macro signature for rule: {Name(rule.Rule)}"
                : $"{result.Error} evaluating rule: {Name(rule.Rule)}");
            return;
        }

        if (result.Value is true)
        {
            return;
        }

        var message = Message(rule, bindings, ref budget);
        var place = rule.Rule.FieldPath.Length > 0 ? (path.Length == 0 ? rule.Rule.FieldPath.TrimStart('.') : path + rule.Rule.FieldPath) : At(path);
        switch (rule.Rule.Reason)
        {
            case "FieldValueForbidden":
                errors.Forbidden(place, message);
                break;
            case "FieldValueRequired":
                errors.Required(place, message);
                break;
            case "FieldValueDuplicate":
                errors.Duplicate(place, _schema.Type);
                break;
            default:
                errors.Invalid(place, _schema.Type, message);
                break;
        }
    }

    private static string Message(CompiledRule rule, CelBindings bindings, ref long budget)
    {
        if (rule.MessageProgram is { } program)
        {
            var result = program.Evaluate(bindings, Math.Min(CelProgram.PerCallLimit, Math.Max(0, budget)));
            budget -= (long)Math.Min(result.Cost, long.MaxValue);
            if (result.Value is string text && text.Trim() is { Length: > 0 and <= 5 * 1024 } said && !said.Contains('\n', StringComparison.Ordinal))
            {
                return said;
            }
        }

        return rule.Rule.Message.Length > 0 ? Name(rule.Rule) : $"failed rule: {Name(rule.Rule)}";
    }

    private static string Name(ValidationRule rule) => rule.Message.Trim() is { Length: > 0 } message ? message : rule.Rule.Trim();

    private static string At(string path) => path.Length == 0 ? "<nil>" : path;
}

/// <summary>A rule ready to be evaluated, or why it never will be.</summary>
internal sealed record CompiledRule(ValidationRule Rule, CelProgram? Program, CelProgram? MessageProgram, bool IsTransition, string? Wrong)
{
    public CelRange Cost { get; private init; }

    public CelRange MessageCost { get; private init; }

    /// <summary>What is wrong with the message expression.</summary>
    public string? WrongMessage { get; private init; }

    public static CompiledRule Of(ValidationRule rule, CelType self)
    {
        var type = self.WithRequestBounds();
        var environment = CelEnvironment.Kubernetes.WithVariables([new("self", type), new("oldSelf", rule.OptionalOldSelf == true ? CelType.Optional(type) : type)]);
        var compiled = environment.Compile(rule.Rule, CelType.Bool);
        if (compiled.Program is null)
        {
            return new CompiledRule(rule, null, null, false, compiled.ResultIssue is { } issue ? $"cel expression must evaluate to a bool; {issue}" : $"compilation failed: {compiled}");
        }

        var message = rule.MessageExpression.Length > 0 ? environment.Compile(rule.MessageExpression, CelType.String) : null;
        return new CompiledRule(rule, compiled.Program, message?.Program, compiled.References.Contains("oldSelf"), null)
        {
            Cost = compiled.EstimatedCost, MessageCost = message?.EstimatedCost ?? default,
            WrongMessage = message is { Program: null } ? message.ResultIssue is null ? $"messageExpression compilation failed: {message}" : "messageExpression must evaluate to a string" : null,
        };
    }
}
