using Kaji.Client;
using k8s.Models;
using Kaji.Scheduler.Cache;

namespace Kaji.Scheduler.Plugins;

/// <summary>Taints keep Pods off that do not tolerate them. https://kubernetes.io/docs/concepts/scheduling-eviction/taint-and-toleration/</summary>
public sealed class TaintToleration : IFilterPlugin, IScorePlugin
{
    public static bool Tolerates(V1Pod pod, V1Taint taint) => (pod.Spec.Tolerations ?? []).Any(t =>
        (string.IsNullOrEmpty(t.Effect) || t.Effect == taint.Effect)
        && (string.IsNullOrEmpty(t.Key) ? t.OperatorProperty == "Exists" : t.Key == taint.Key)
        && (t.OperatorProperty == "Exists" || (t.Value ?? "") == (taint.Value ?? "")));

    public IReadOnlyList<string>? Filter(V1Pod pod, PodRequest request, NodeSnapshot node, IReadOnlyCollection<NodeSnapshot> all)
    {
        var taint = (node.Node.Spec?.Taints ?? []).FirstOrDefault(t => t.Effect is "NoSchedule" or "NoExecute" && !Tolerates(pod, t));
        return taint is null ? null : [$"node(s) had untolerated taint {{{taint.Key}: {taint.Value}}}"];
    }

    public long Score(V1Pod pod, PodRequest request, NodeSnapshot node)
    {
        var soft = (node.Node.Spec?.Taints ?? []).Count(t => t.Effect == "PreferNoSchedule" && !Tolerates(pod, t));
        return Math.Max(0, 100 - (soft * 50));
    }
}
