using Kaji.Api.Errors;
using Kaji.Api.Metadata;

namespace Kaji.Api.Kinds.Core.Pods;

/// <summary>Validation of where a Pod may run: affinity, spreading, tolerations.</summary>
internal static class PlacementRules
{
    private const string Required = "requiredDuringSchedulingIgnoredDuringExecution";
    private const string Preferred = "preferredDuringSchedulingIgnoredDuringExecution";

    public static void Validate(Fields spec)
    {
        if (spec.Sub("affinity") is { } affinity)
        {
            if (affinity.Sub("nodeAffinity") is { } nodes)
            {
                if (nodes.Sub(Required) is { } required)
                {
                    NodeSelector(required);
                }

                foreach (var preferred in nodes.Items(Preferred))
                {
                    Weight(preferred);
                    Term(preferred.Of("preference"));
                }
            }

            foreach (var kind in (ReadOnlySpan<string>)["podAffinity", "podAntiAffinity"])
            {
                if (affinity.Sub(kind) is not { } pods)
                {
                    continue;
                }

                foreach (var term in pods.Items(Required))
                {
                    PodTerm(term);
                }

                foreach (var preferred in pods.Items(Preferred))
                {
                    Weight(preferred);
                    PodTerm(preferred.Of("podAffinityTerm"));
                }
            }
        }

        Spreading(spec);
        Tolerations(spec, "tolerations");
    }

    /// <summary>A NodeSelector: of affinity, of PersistentVolumes, of resource slices.</summary>
    public static void NodeSelector(Fields selector)
    {
        if (!selector.HasAny("nodeSelectorTerms"))
        {
            selector.Required("nodeSelectorTerms", "must have at least one node selector term");
        }

        foreach (var term in selector.Items("nodeSelectorTerms"))
        {
            Term(term);
        }
    }

    public static void Tolerations(Fields spec, string field)
    {
        foreach (var toleration in spec.Items(field))
        {
            var (key, op) = (toleration.Str("key"), toleration.Str("operator"));
            if (key.Length > 0)
            {
                toleration.LabelName("key");
            }
            else if (op != "Exists")
            {
                toleration.Invalid("operator", op, "operator must be Exists when `key` is empty, which means \"match all values and all keys\"");
            }

            if (toleration.Has("tolerationSeconds") && toleration.Str("effect") != "NoExecute")
            {
                toleration.Invalid("effect", toleration.Str("effect"), "effect must be 'NoExecute' when `tolerationSeconds` is set");
            }

            switch (op)
            {
                case "Equal" or "":
                    if (Names.LabelValueErrors(toleration.Str("value")) is { Count: > 0 } problems)
                    {
                        toleration.Invalid("operator", toleration.Str("value"), string.Join(';', problems));
                    }

                    break;
                case "Exists":
                    if (toleration.Str("value").Length > 0)
                    {
                        toleration.Invalid("operator", toleration.Object, "value must be empty when `operator` is 'Exists'");
                    }

                    break;
                default:
                    toleration.NotSupported("operator", op, "Equal", "Exists");
                    break;
            }

            if (toleration.Str("effect").Length > 0)
            {
                toleration.OneOf("effect", "NoSchedule", "PreferNoSchedule", "NoExecute");
            }
        }
    }

    private static void Weight(Fields preferred)
    {
        if (preferred.Int("weight") is not (>= 1 and <= 100))
        {
            preferred.Invalid("weight", preferred.Int("weight") ?? 0, "must be in the range 1-100");
        }
    }

    private static void Term(Fields term)
    {
        foreach (var expression in term.Items("matchExpressions"))
        {
            var values = expression.Strings("values");
            switch (expression.Str("operator"))
            {
                case "In" or "NotIn" when values.Length == 0:
                    expression.Required("values", "must be specified when `operator` is 'In' or 'NotIn'");
                    break;
                case "Exists" or "DoesNotExist" when values.Length > 0:
                    expression.Forbidden("values", "may not be specified when `operator` is 'Exists' or 'DoesNotExist'");
                    break;
                case "Gt" or "Lt" when values.Length != 1:
                    expression.Required("values", "must be specified single value when `operator` is 'Lt' or 'Gt'");
                    break;
                case "In" or "NotIn" or "Exists" or "DoesNotExist" or "Gt" or "Lt":
                    break;
                default:
                    expression.Invalid("operator", expression.Str("operator"), "not a valid selector operator");
                    break;
            }

            expression.LabelName("key");
        }

        foreach (var field in term.Items("matchFields"))
        {
            var values = field.Strings("values");
            if (field.Str("operator") is not ("In" or "NotIn"))
            {
                field.Invalid("operator", field.Str("operator"), "not a valid selector operator");
            }
            else if (values.Length != 1)
            {
                field.Required("values", "must be only one value when `operator` is 'In' or 'NotIn' for node field selector");
            }

            if (field.Str("key") != "metadata.name")
            {
                field.Invalid("key", field.Str("key"), "not a valid field selector key");
                continue;
            }

            for (var i = 0; i < values.Length; i++)
            {
                foreach (var problem in Names.Dns1123SubdomainErrors(values[i]))
                {
                    field.Errors.Invalid(field.At("values", i), values[i], problem);
                }
            }
        }
    }

    private static void PodTerm(Fields term)
    {
        term.Selector("labelSelector");
        term.Selector("namespaceSelector");
        var namespaces = term.Strings("namespaces");
        foreach (var ns in namespaces)
        {
            foreach (var problem in Names.Dns1123LabelErrors(ns))
            {
                term.Invalid("namespace", ns, problem);
            }
        }

        if (term.Present("topologyKey", "can not be empty"))
        {
            term.LabelName("topologyKey");
        }

        foreach (var field in (ReadOnlySpan<string>)["matchLabelKeys", "mismatchLabelKeys"])
        {
            Keys(term, field);
        }
    }

    private static void Keys(Fields term, string field)
    {
        var keys = term.Strings(field);
        if (keys.Length > 0 && !term.Has("labelSelector"))
        {
            term.Forbidden(field, "must not be specified when labelSelector is not set");
        }

        for (var i = 0; i < keys.Length; i++)
        {
            foreach (var problem in Names.QualifiedNameErrors(keys[i]))
            {
                term.Errors.Invalid(term.At(field, i), keys[i], problem);
            }
        }
    }

    private static void Spreading(Fields spec)
    {
        var pairs = new HashSet<string>(StringComparer.Ordinal);
        foreach (var constraint in spec.Items("topologySpreadConstraints"))
        {
            if ((constraint.Int("maxSkew") ?? 0) <= 0)
            {
                constraint.Invalid("maxSkew", constraint.Int("maxSkew") ?? 0, "must be greater than 0");
            }

            if (constraint.Present("topologyKey", "can not be empty"))
            {
                constraint.LabelName("topologyKey");
            }

            var unsatisfiable = constraint.Str("whenUnsatisfiable");
            if (unsatisfiable is not ("DoNotSchedule" or "ScheduleAnyway"))
            {
                constraint.NotSupported("whenUnsatisfiable", unsatisfiable, "DoNotSchedule", "ScheduleAnyway");
            }

            var pair = $"{{{constraint.Str("topologyKey")}, {unsatisfiable}}}";
            if (!pairs.Add(pair))
            {
                constraint.Duplicate("{topologyKey, whenUnsatisfiable}", pair);
            }

            if (constraint.Int("minDomains") is { } domains)
            {
                constraint.Positive("minDomains");
                if (unsatisfiable != "DoNotSchedule")
                {
                    constraint.Invalid("minDomains", domains, $"can only use minDomains if whenUnsatisfiable=DoNotSchedule, not {unsatisfiable}");
                }
            }

            constraint.OneOf("nodeAffinityPolicy", "Honor", "Ignore");
            constraint.OneOf("nodeTaintsPolicy", "Honor", "Ignore");
            Keys(constraint, "matchLabelKeys");
            constraint.Selector("labelSelector");
        }
    }
}
