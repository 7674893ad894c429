using System.Globalization;
using System.Text;
using k8s;
using k8s.Models;

namespace Kaji.Client;

/// <summary>URLs of resources.</summary>
internal static class ResourcePath
{
    public static string Collection<T>(ResourceKind<T> kind, string? ns)
        where T : class, IKubernetesObject<V1ObjectMeta>
    {
        var root = kind.Group.Length == 0 ? $"/api/{kind.Version}" : $"/apis/{kind.Group}/{kind.Version}";
        return kind.Namespaced && !string.IsNullOrEmpty(ns) ? $"{root}/namespaces/{Uri.EscapeDataString(ns)}/{kind.Plural}" : $"{root}/{kind.Plural}";
    }

    public static string Object<T>(ResourceKind<T> kind, string? ns, string name, string? subresource = null)
        where T : class, IKubernetesObject<V1ObjectMeta>
    {
        var path = $"{Collection(kind, ns)}/{Uri.EscapeDataString(name)}";
        return subresource is null ? path : $"{path}/{subresource}";
    }

    public static string Query(ListOptions? options, bool watch)
    {
        var query = new StringBuilder();
        void Add(string name, string? value)
        {
            if (!string.IsNullOrEmpty(value))
            {
                query.Append(query.Length == 0 ? '?' : '&').Append(name).Append('=').Append(Uri.EscapeDataString(value));
            }
        }

        Add("watch", watch ? "true" : null);
        Add("labelSelector", options?.LabelSelector);
        Add("fieldSelector", options?.FieldSelector);
        Add("resourceVersion", options?.ResourceVersion);
        Add("resourceVersionMatch", options?.ResourceVersionMatch);
        Add("limit", options is { Limit: > 0 } ? options.Limit.ToString(CultureInfo.InvariantCulture) : null);
        Add("continue", options?.Continue);
        Add("allowWatchBookmarks", options is { AllowWatchBookmarks: true } ? "true" : null);
        Add("timeoutSeconds", options is { TimeoutSeconds: > 0 } ? options.TimeoutSeconds.ToString(CultureInfo.InvariantCulture) : null);
        return query.ToString();
    }
}
