using System.Text;
using System.Text.Json.Nodes;
using k8s.Models;
using Kaji.Client;

namespace Kaji.Controllers.Deployments;

/// <summary>The ReplicaSet of a Deployment's present template: which it is, how it is made, what it must be told. Pure.</summary>
internal static class NewReplicaSet
{
    /// <summary>The oldest set with the Deployment's template: after an undo that is the one of back then.</summary>
    public static V1ReplicaSet? Find(V1Deployment deployment, IEnumerable<V1ReplicaSet> sets) => sets
        .Where(s => TemplateHash.Same(s.Spec.Template, deployment.Spec.Template))
        .OrderBy(s => s.Metadata.CreationTimestamp).ThenBy(s => s.Metadata.Name, StringComparer.Ordinal).FirstOrDefault();

    /// <summary>The revision that the present template has: above all others.</summary>
    public static long RevisionFor(V1ReplicaSet? present, IEnumerable<V1ReplicaSet> sets)
    {
        var highest = sets.Where(s => s.Metadata.Uid != present?.Metadata.Uid).Select(s => Annotations.RevisionOf(s.Metadata)).DefaultIfEmpty(0).Max();
        return present is null ? highest + 1 : Math.Max(Annotations.RevisionOf(present.Metadata), highest + 1);
    }

    /// <summary>A new set, already as large as the surge allows; with Recreate it waits at zero for the old Pods to end.</summary>
    public static V1ReplicaSet Make(V1Deployment deployment, IReadOnlyCollection<V1ReplicaSet> sets)
    {
        var hash = TemplateHash.Of(deployment.Spec.Template, deployment.Status?.CollisionCount);
        var template = ModelJson.Clone(deployment.Spec.Template);
        template.Metadata ??= new V1ObjectMeta();
        template.Metadata.Labels = With(template.Metadata.Labels, TemplateHash.Label, hash);
        var selector = ModelJson.Clone(deployment.Spec.Selector);
        selector.MatchLabels = With(selector.MatchLabels, TemplateHash.Label, hash);
        var wanted = deployment.Spec.Replicas ?? 1;
        var (surge, _) = RollingMath.Limits(deployment);
        var annotations = new Dictionary<string, string>(Annotations.Copied(deployment), StringComparer.Ordinal)
        {
            [Annotations.Revision] = Annotations.Text(RevisionFor(null, sets)),
            [Annotations.Desired] = Annotations.Text(wanted),
            [Annotations.Max] = Annotations.Text(wanted + surge),
        };
        return new V1ReplicaSet
        {
            Metadata = new V1ObjectMeta
            {
                Name = $"{deployment.Metadata.Name}-{hash}", NamespaceProperty = deployment.Metadata.NamespaceProperty, Labels = template.Metadata.Labels, Annotations = annotations,
                OwnerReferences = [Owner(deployment)],
            },
            Spec = new V1ReplicaSetSpec
            {
                Replicas = deployment.Spec.Strategy?.Type == "Recreate" ? 0 : RollingMath.NewSize(wanted, surge, 0, sets.Sum(s => s.Spec.Replicas ?? 0)),
                MinReadySeconds = deployment.Spec.MinReadySeconds, Selector = selector, Template = template,
            },
        };
    }

    /// <summary>What a set that is there already does not say yet: its revision, the Deployment's annotations and minReadySeconds. Null when it says all.</summary>
    public static Patch? Update(V1Deployment deployment, V1ReplicaSet present, long revision)
    {
        var annotations = new JsonObject();
        foreach (var (name, value) in Annotations.Copied(deployment).Where(a => present.Metadata.Annotations?.TryGetValue(a.Key, out var has) != true || has != a.Value))
        {
            annotations[name] = value;
        }

        var before = Annotations.RevisionOf(present.Metadata);
        if (before != revision)
        {
            annotations[Annotations.Revision] = Annotations.Text(revision);
            if (before != 0)
            {
                var history = present.Metadata.Annotations.TryGetValue(Annotations.RevisionHistory, out var text) && text.Length > 0 ? text + "," : "";
                annotations[Annotations.RevisionHistory] = history + Annotations.Text(before);
            }
        }

        var patch = new JsonObject();
        if (annotations.Count > 0)
        {
            patch["metadata"] = new JsonObject { ["annotations"] = annotations };
        }

        if ((deployment.Spec.MinReadySeconds ?? 0) != (present.Spec.MinReadySeconds ?? 0))
        {
            patch["spec"] = new JsonObject { ["minReadySeconds"] = deployment.Spec.MinReadySeconds ?? 0 };
        }

        return patch.Count > 0 ? Patch.Merge(Encoding.UTF8.GetBytes(patch.ToJsonString())) : null;
    }

    public static V1OwnerReference Owner(V1Deployment deployment) =>
        new() { ApiVersion = "apps/v1", Kind = "Deployment", Name = deployment.Metadata.Name, Uid = deployment.Metadata.Uid, Controller = true, BlockOwnerDeletion = true };

    private static Dictionary<string, string> With(IDictionary<string, string>? labels, string name, string value) =>
        new(labels ?? new Dictionary<string, string>(StringComparer.Ordinal), StringComparer.Ordinal) { [name] = value };
}
