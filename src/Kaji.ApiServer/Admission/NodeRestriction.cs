using System.Text.Json.Nodes;
using Kaji.Api;
using Kaji.Api.Errors;
using Kaji.Api.Kinds;
using Kaji.ApiServer.Registry;

namespace Kaji.ApiServer.Admission;

/// <summary>
/// NodeRestriction: a node agent changes only its own Node, Lease and Pods, and not what the scheduler trusts about it (taints, protected labels).
/// https://kubernetes.io/docs/reference/access-authn-authz/admission-controllers/#noderestriction
/// Unlike there, an agent may give its Node a <c>node-role.kubernetes.io/</c> label when it creates it.
/// </summary>
public sealed class NodeRestriction : IAdmissionPlugin
{
    private const string UserPrefix = "system:node:";
    private const string LeaseNamespace = "kube-node-lease";
    private const string BotLabel = "bots.kaji.dev/bot";
    private const string RolePrefix = "node-role.kubernetes.io/";
    private static readonly HashSet<string> OwnLabels = new(StringComparer.Ordinal)
    {
        "kubernetes.io/hostname", "kubernetes.io/os", "kubernetes.io/arch", "beta.kubernetes.io/os", "beta.kubernetes.io/arch", "node.kubernetes.io/instance-type", "beta.kubernetes.io/instance-type",
        "topology.kubernetes.io/zone", "topology.kubernetes.io/region", "failure-domain.beta.kubernetes.io/zone", "failure-domain.beta.kubernetes.io/region",
    };

    public string Name => "NodeRestriction";

    /// <summary>Where Pods are looked up; set when the registry is there.</summary>
    public IObjectRegistry? Objects { get; set; }

    public ValueTask<ApiError?> ValidateAsync(AdmissionRequest request, CancellationToken cancellationToken)
    {
        if (!request.User.Name.StartsWith(UserPrefix, StringComparison.Ordinal) || !request.User.Groups.Contains("system:nodes", StringComparer.Ordinal))
        {
            return ValueTask.FromResult<ApiError?>(null);
        }

        var node = request.User.Name[UserPrefix.Length..];
        var why = (request.Resource.Group, request.Resource.Plural) switch
        {
            ("", "nodes") => OfNode(request, node),
            ("", "pods") => OfPod(request, node),
            ("coordination.k8s.io", "leases") when request.Namespace == LeaseNamespace && NameOf(request) != node => "can only access node lease with the same name as the requesting node",
            ("coordination.k8s.io", "leases") when request.Namespace != LeaseNamespace => OfBotLease(request, node),
            _ => null,
        };
        return ValueTask.FromResult(why is null ? null : ApiErrors.Forbidden(request.Resource, NameOf(request), why));
    }

    private static string? OfNode(AdmissionRequest request, string node)
    {
        if (NameOf(request) != node)
        {
            return $"node \"{node}\" is not allowed to modify node \"{NameOf(request)}\"";
        }

        if (request.Object is not { } wanted)
        {
            return null;
        }

        var old = request.OldObject;
        if (old is not null && !JsonNode.DeepEquals(old.Obj("spec")?["taints"], wanted.Obj("spec")?["taints"]))
        {
            return $"node \"{node}\" is not allowed to modify taints";
        }

        var (before, now) = (old.Obj("metadata").Obj("labels") ?? [], wanted.Obj("metadata").Obj("labels") ?? []);
        var changed = now.Where(l => before[l.Key].Text() != l.Value.Text()).Select(l => l.Key).Concat(before.Where(l => !now.ContainsKey(l.Key)).Select(l => l.Key));
        var refused = changed.Where(l => IsProtected(l) && !(old is null && l.StartsWith(RolePrefix, StringComparison.Ordinal))).Order(StringComparer.Ordinal).ToArray();
        return refused.Length == 0 ? null : $"is not allowed to modify labels: {string.Join(", ", refused)}";
    }

    /// <summary>A bot's Lease is renewed and released by the agent of the node on which its holder runs, and changed by no other.</summary>
    private string? OfBotLease(AdmissionRequest request, string node)
    {
        if (request.Operation != "UPDATE" || request.OldObject.Obj("metadata").Obj("labels")?.ContainsKey(BotLabel) != true)
        {
            return $"can only access leases in the \"{LeaseNamespace}\" system namespace";
        }

        var holder = request.OldObject.Obj("spec").Str("holderIdentity");
        return request.Object.Obj("spec").Str("holderIdentity") != holder || request.Object.Obj("spec")?["leaseTransitions"].Text() != request.OldObject.Obj("spec")?["leaseTransitions"].Text()
            ? "node agents don't grant epochs"
            : Objects?.Get(BuiltInResources.Find("", "v1", "pods")!, request.Namespace, holder) is { } pod && pod.Obj("spec").Str("nodeName") != node
            ? $"node \"{node}\" can only renew leases of bots that run on it"
            : null;
    }

    private static string? OfPod(AdmissionRequest request, string node)
    {
        var runsOn = (request.OldObject ?? request.Object).Obj("spec").Str("nodeName");
        return request switch
        {
            { Operation: "CREATE", Subresource: "" } => "node agents of this server create no pods",
            { Operation: "DELETE" } when runsOn != node => $"node \"{node}\" can only delete pods with spec.nodeName set to itself",
            { Operation: "UPDATE", Subresource: "status" } when runsOn != node => $"node \"{node}\" can only update pod status for pods with spec.nodeName set to itself",
            { Operation: "UPDATE", Subresource: "status" } when !JsonNode.DeepEquals(request.OldObject.Obj("metadata")?["labels"], request.Object.Obj("metadata")?["labels"]) => $"node \"{node}\" cannot update labels through pod status",
            _ => null,
        };
    }

    /// <summary>Labels that Kubernetes owns, except those that say what an agent knows best.</summary>
    private static bool IsProtected(string label)
    {
        var slash = label.IndexOf('/', StringComparison.Ordinal);
        var domain = slash < 0 ? "" : label[..slash];
        bool Under(string parent) => domain == parent || domain.EndsWith("." + parent, StringComparison.Ordinal);
        return (Under("kubernetes.io") || Under("k8s.io")) && !OwnLabels.Contains(label) && !Under("kubelet.kubernetes.io") && !Under("node.kubernetes.io");
    }

    private static string NameOf(AdmissionRequest request) => request.Name.Length > 0 ? request.Name : request.Object.Obj("metadata").Str("name");
}
