using System.Text;
using k8s.Models;

namespace Kaji.Node.Containers;

/// <summary>Fields of a Pod that its containers can ask for: the downward API. https://kubernetes.io/docs/concepts/workloads/pods/downward-api/</summary>
internal sealed class PodFields(NodeOptions options, Func<string, (string? PodIP, IReadOnlyList<string> All)> addresses, long nodeMilliCpu, long nodeMemory)
{
    public string Value(V1Pod pod, string path)
    {
        var metadata = pod.Metadata;
        if (Keyed(path, "metadata.labels") is { } label)
        {
            return metadata.Labels?.TryGetValue(label, out var value) == true ? value : "";
        }

        if (Keyed(path, "metadata.annotations") is { } annotation)
        {
            return metadata.Annotations?.TryGetValue(annotation, out var value) == true ? value : "";
        }

        var (ip, all) = addresses(metadata.Uid);
        return path switch
        {
            "metadata.name" => metadata.Name,
            "metadata.namespace" => metadata.NamespaceProperty,
            "metadata.uid" => metadata.Uid,
            "metadata.labels" => Map(metadata.Labels),
            "metadata.annotations" => Map(metadata.Annotations),
            "spec.nodeName" => options.NodeName,
            "spec.serviceAccountName" => pod.Spec.ServiceAccountName ?? "",
            "status.hostIP" or "status.hostIPs" => options.NodeIP,
            "status.podIP" => pod.Spec.HostNetwork == true ? options.NodeIP : ip ?? "",
            "status.podIPs" => pod.Spec.HostNetwork == true ? options.NodeIP : string.Join(",", all),
            _ => throw new ConfigException($"fieldPath {path} is not supported"),
        };
    }

    /// <summary>A request or limit in units of its divisor, rounded up; what has no limit has the node's.</summary>
    public long Resource(V1Pod pod, V1Container container, V1ResourceFieldSelector selector)
    {
        var limit = selector.Resource.StartsWith("limits.", StringComparison.Ordinal);
        var name = selector.Resource[(selector.Resource.IndexOf('.', StringComparison.Ordinal) + 1)..];
        var list = limit ? container.Resources?.Limits : container.Resources?.Requests;
        var amount = list?.TryGetValue(name, out var quantity) == true ? (decimal)quantity
            : !limit ? 0m
            : name switch { "cpu" => nodeMilliCpu / 1000m, "memory" => nodeMemory, _ => 0m };
        var divisor = selector.Divisor is { } d && (decimal)d > 0 ? (decimal)d : 1m;
        return (long)Math.Ceiling(amount / divisor);
    }

    private static string? Keyed(string path, string map) =>
        path.StartsWith(map + "['", StringComparison.Ordinal) && path.EndsWith("']", StringComparison.Ordinal) ? path[(map.Length + 2)..^2] : null;

    private static string Map(IDictionary<string, string>? map)
    {
        var text = new StringBuilder();
        foreach (var (key, value) in (map ?? new Dictionary<string, string>(StringComparer.Ordinal)).OrderBy(p => p.Key, StringComparer.Ordinal))
        {
            text.Append(text.Length == 0 ? "" : "\n").Append(key).Append("=\"").Append(value.Replace("\\", "\\\\", StringComparison.Ordinal).Replace("\"", "\\\"", StringComparison.Ordinal).Replace("\n", "\\n", StringComparison.Ordinal)).Append('"');
        }

        return text.ToString();
    }
}
