using System.Text.Json.Nodes;
using Kaji.Api.Errors;
using Kaji.Api.Metadata;

namespace Kaji.Api.Kinds;

/// <summary>What is wrong with labels and label selectors that are fields of objects.</summary>
internal static class SelectorRules
{
    /// <summary>A LabelSelector, if there.</summary>
    public static void Selector(this Fields owner, string field)
    {
        if (owner.Sub(field) is not { } selector)
        {
            return;
        }

        Labels(selector, "matchLabels");
        foreach (var expression in selector.Items("matchExpressions"))
        {
            switch (expression.Str("operator"))
            {
                case "In" or "NotIn" when expression.Strings("values").Length == 0:
                    expression.Required("values", "must be specified when `operator` is 'In' or 'NotIn'");
                    break;
                case "Exists" or "DoesNotExist" when expression.Strings("values").Length > 0:
                    expression.Forbidden("values", "may not be specified when `operator` is 'Exists' or 'DoesNotExist'");
                    break;
                case "In" or "NotIn" or "Exists" or "DoesNotExist":
                    break;
                default:
                    expression.Invalid("operator", expression.Str("operator"), "not a valid selector operator");
                    break;
            }

            LabelName(expression, "key");
            var values = expression.Strings("values");
            for (var i = 0; i < values.Length; i++)
            {
                foreach (var problem in Names.LabelValueErrors(values[i]))
                {
                    expression.Errors.Invalid(expression.At("values", i), values[i], problem);
                }
            }
        }
    }

    /// <summary>A map of labels, if there.</summary>
    public static void Labels(this Fields owner, string field)
    {
        foreach (var (key, value) in owner.Object[field] as JsonObject ?? [])
        {
            foreach (var problem in Names.QualifiedNameErrors(key))
            {
                owner.Invalid(field, key, problem);
            }

            foreach (var problem in Names.LabelValueErrors(value.Text()))
            {
                owner.Invalid(field, value.Text(), problem);
            }
        }
    }

    /// <summary>A label's key.</summary>
    public static void LabelName(this Fields owner, string field)
    {
        foreach (var problem in Names.QualifiedNameErrors(owner.Str(field)))
        {
            owner.Invalid(field, owner.Str(field), problem);
        }
    }
}
