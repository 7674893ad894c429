namespace Kaji.Api.Kinds.Core;

/// <summary>Labels of nodes that have a newer name.</summary>
internal static class NodeLabels
{
    private static readonly Dictionary<string, string> Messages = new(StringComparer.Ordinal)
    {
        ["beta.kubernetes.io/arch"] = "deprecated since v1.14; use \"kubernetes.io/arch\" instead",
        ["beta.kubernetes.io/os"] = "deprecated since v1.14; use \"kubernetes.io/os\" instead",
        ["failure-domain.beta.kubernetes.io/region"] = "deprecated since v1.17; use \"topology.kubernetes.io/region\" instead",
        ["failure-domain.beta.kubernetes.io/zone"] = "deprecated since v1.17; use \"topology.kubernetes.io/zone\" instead",
        ["beta.kubernetes.io/instance-type"] = "deprecated since v1.17; use \"node.kubernetes.io/instance-type\" instead",
        ["app.kubernetes.io/created-by"] = "deprecated since v1.9",
        ["scheduler.alpha.kubernetes.io/preferAvoidPods"] = "deprecated since v1.22; use Taints and Tolerations instead",
        ["node-role.kubernetes.io/master"] = "use \"node-role.kubernetes.io/control-plane\" instead",
    };

    /// <summary>What to say of a label; null when there is nothing to.</summary>
    public static string? Deprecated(string key) => Messages.GetValueOrDefault(key);

    /// <summary>A term of a node selector that names one.</summary>
    public static void Term(Fields term, Action<string> warn)
    {
        foreach (var expression in term.Items("matchExpressions"))
        {
            if (Deprecated(expression.Str("key")) is { } message)
            {
                warn($"{expression.At("key")}: {expression.Str("key")} is {message}");
            }
        }
    }
}
