using System.Text.Json.Nodes;
using Kaji.Api;
using Kaji.Api.Errors;
using Kaji.Api.Kinds;
using Kaji.ApiServer.Registry;
using Kaji.ApiServer.Requests;

namespace Kaji.ApiServer.Streaming;

/// <summary>Finds the Pod, container and node that a stream goes to, with the API server's sentences when there is none.</summary>
internal sealed class PodTarget(IObjectRegistry objects)
{
    private static readonly ResourceInfo Pods = BuiltInResources.Find("", "v1", "pods")!;
    private static readonly ResourceInfo Nodes = BuiltInResources.Find("", "v1", "nodes")!;

    /// <exception cref="ApiErrorException">404.</exception>
    public JsonObject Pod(RequestInfo request) => objects.Get(Pods, request.Namespace, request.Name) ?? throw new ApiErrorException(ApiErrors.NotFound(Pods, request.Name));

    /// <summary>The container asked for, or the only one, or the annotated default.</summary>
    /// <exception cref="ApiErrorException">400: there are several, or none of that name.</exception>
    public static string Container(JsonObject pod, string asked)
    {
        var name = pod.Obj("metadata").Str("name");
        var spec = pod.Obj("spec");
        var all = spec.Items("containers").Select(c => c.Str("name")).ToArray();
        var others = spec.Items("initContainers").Concat(spec.Items("ephemeralContainers")).Select(c => c.Str("name")).ToArray();
        if (asked.Length > 0)
        {
            return all.Concat(others).Contains(asked, StringComparer.Ordinal) ? asked : throw new ApiErrorException(ApiErrors.BadRequest($"container {asked} is not valid for pod {name}"));
        }

        if (pod.Obj("metadata").Obj("annotations").Str("kubectl.kubernetes.io/default-container") is { Length: > 0 } annotated && all.Contains(annotated, StringComparer.Ordinal))
        {
            return annotated;
        }

        return all.Length == 1 ? all[0] : throw new ApiErrorException(ApiErrors.BadRequest(
            $"a container name must be specified for pod {name}, choose one of: [{string.Join(' ', all)}]{(others.Length > 0 ? $" or one of the init containers: [{string.Join(' ', others)}]" : "")}"));
    }

    /// <summary>Where the agent of a Pod's node listens.</summary>
    /// <exception cref="ApiErrorException">400 before the Pod is bound, 500 when the node gave no address.</exception>
    public Uri NodeOf(JsonObject pod)
    {
        var node = pod.Obj("spec").Str("nodeName");
        return node.Length == 0 ? throw new ApiErrorException(ApiErrors.BadRequest($"pod {pod.Obj("metadata").Str("name")} does not have a host assigned")) : Node(node);
    }

    public Uri Node(string name)
    {
        var status = (objects.Get(Nodes, "", name) ?? throw new ApiErrorException(ApiErrors.NotFound(Nodes, name))).Obj("status");
        var address = status.Items("addresses").FirstOrDefault(a => a.Str("type") == "InternalIP").Str("address");
        var port = status.Obj("daemonEndpoints").Obj("kubeletEndpoint").Int("Port") ?? 0;
        return address.Length == 0 || port == 0
            ? throw new ApiErrorException(ApiErrors.Internal($"node {name} has not said yet where its agent listens"))
            : new Uri($"https://{address}:{port}");
    }
}
