using System.Globalization;
using k8s.Models;

namespace Kaji.Controllers.Deployments;

/// <summary>What Deployments and their ReplicaSets note in annotations; kubectl reads the revision.</summary>
internal static class Annotations
{
    public const string Revision = "deployment.kubernetes.io/revision";
    public const string RevisionHistory = "deployment.kubernetes.io/revision-history";
    public const string Desired = "deployment.kubernetes.io/desired-replicas";
    public const string Max = "deployment.kubernetes.io/max-replicas";
    private static readonly string[] NotCopied = ["kubectl.kubernetes.io/last-applied-configuration", Revision, RevisionHistory, Desired, Max, "deprecated.deployment.rollback.to"];

    /// <summary>0 when there is none.</summary>
    public static long RevisionOf(V1ObjectMeta metadata) => Number(metadata, Revision) ?? 0;

    public static long? Number(V1ObjectMeta metadata, string annotation) =>
        metadata.Annotations?.TryGetValue(annotation, out var text) == true && long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var number) ? number : null;

    /// <summary>Those of a Deployment that its ReplicaSet gets too, as the cause of the change that <c>kubectl rollout history</c> shows.</summary>
    public static IEnumerable<KeyValuePair<string, string>> Copied(V1Deployment deployment) => (deployment.Metadata.Annotations ?? new Dictionary<string, string>(StringComparer.Ordinal)).Where(a => !NotCopied.Contains(a.Key, StringComparer.Ordinal));

    public static string Text(long value) => value.ToString(CultureInfo.InvariantCulture);
}
