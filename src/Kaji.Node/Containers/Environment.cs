using System.Globalization;
using System.Text;
using k8s.Models;
using Kaji.Client;
using Kaji.Node.Volumes;
using k8s;

namespace Kaji.Node.Containers;

/// <summary>Why a container can't be made yet: a reference that leads nowhere. Shown as CreateContainerConfigError.</summary>
internal sealed class ConfigException(string message) : Exception(message);

/// <summary>A container's environment: Services, envFrom, env; later ones override, and <c>$(NAME)</c> refers to earlier ones.</summary>
internal sealed class EnvironmentBuilder(IApiClient client, ReferencedObjects references, Func<V1Pod, IReadOnlyCollection<V1Service>> services, PodFields fields)
{
    /// <exception cref="ConfigException">A ConfigMap, Secret or key that is not optional is not there.</exception>
    public async Task<IReadOnlyList<KeyValuePair<string, string>>> BuildAsync(V1Pod pod, V1Container container, CancellationToken cancellationToken)
    {
        var result = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (var (name, value) in ServiceVariables.Of(services(pod), pod))
        {
            result[name] = value;
        }

        var ns = pod.Metadata.NamespaceProperty;
        foreach (var from in container.EnvFrom ?? [])
        {
            foreach (var (key, value) in await SourceAsync(pod, from, cancellationToken))
            {
                result[(from.Prefix ?? "") + key] = value;
            }
        }

        foreach (var env in container.Env ?? [])
        {
            if (env.ValueFrom is null)
            {
                result[env.Name] = Expand(env.Value ?? "", result);
            }
            else if (await ValueAsync(pod, container, env.ValueFrom, cancellationToken) is { } value)
            {
                result[env.Name] = value;
            }
        }

        return [.. result];
    }

    /// <summary><c>$(NAME)</c> becomes the value, <c>$$</c> a dollar; what is not defined stays as it is.</summary>
    public static string Expand(string text, IReadOnlyDictionary<string, string> values)
    {
        var result = new StringBuilder(text.Length);
        for (var i = 0; i < text.Length; i++)
        {
            if (text[i] != '$' || i + 1 == text.Length)
            {
                result.Append(text[i]);
                continue;
            }

            if (text[i + 1] == '$')
            {
                result.Append('$');
                i++;
            }
            else if (text[i + 1] == '(' && text.IndexOf(')', i) is > 0 and var end)
            {
                var name = text[(i + 2)..end];
                result.Append(values.TryGetValue(name, out var value) ? value : text[i..(end + 1)]);
                i = end;
            }
            else
            {
                result.Append('$');
            }
        }

        return result.ToString();
    }

    private async Task<IEnumerable<KeyValuePair<string, string>>> SourceAsync(V1Pod pod, V1EnvFromSource from, CancellationToken cancellationToken)
    {
        if (from.ConfigMapRef is { } map)
        {
            var found = await FindAsync(Kinds.ConfigMap, pod, map.Name, cancellationToken);
            return found?.Data ?? (found is null && map.Optional != true ? throw new ConfigException($"configmap \"{map.Name}\" not found") : new Dictionary<string, string>(StringComparer.Ordinal));
        }

        if (from.SecretRef is { } reference)
        {
            var found = await FindAsync(Kinds.Secret, pod, reference.Name, cancellationToken);
            return found?.Data?.Select(d => KeyValuePair.Create(d.Key, Encoding.UTF8.GetString(d.Value)))
                ?? (found is null && reference.Optional != true ? throw new ConfigException($"secret \"{reference.Name}\" not found") : []);
        }

        return [];
    }

    private async Task<string?> ValueAsync(V1Pod pod, V1Container container, V1EnvVarSource from, CancellationToken cancellationToken)
    {
        var ns = pod.Metadata.NamespaceProperty;
        if (from.ConfigMapKeyRef is { } mapKey)
        {
            var map = await FindAsync(Kinds.ConfigMap, pod, mapKey.Name, cancellationToken);
            if (map?.Data?.TryGetValue(mapKey.Key, out var value) == true)
            {
                return value;
            }

            return mapKey.Optional == true ? null : throw new ConfigException(map is null ? $"configmap \"{mapKey.Name}\" not found" : $"couldn't find key {mapKey.Key} in ConfigMap {ns}/{mapKey.Name}");
        }

        if (from.SecretKeyRef is { } secretKey)
        {
            var secret = await FindAsync(Kinds.Secret, pod, secretKey.Name, cancellationToken);
            if (secret?.Data?.TryGetValue(secretKey.Key, out var value) == true)
            {
                return Encoding.UTF8.GetString(value);
            }

            return secretKey.Optional == true ? null : throw new ConfigException(secret is null ? $"secret \"{secretKey.Name}\" not found" : $"couldn't find key {secretKey.Key} in Secret {ns}/{secretKey.Name}");
        }

        if (from.FieldRef is { } field)
        {
            return fields.Value(pod, field.FieldPath);
        }

        return from.ResourceFieldRef is { } resource
            ? fields.Resource(pod, resource.ContainerName is { Length: > 0 } name ? pod.Spec.Containers.FirstOrDefault(c => c.Name == name) ?? container : container, resource).ToString(CultureInfo.InvariantCulture)
            : null;
    }

    /// <summary>What is missing is watched for: the container is tried again when it appears.</summary>
    private async Task<T?> FindAsync<T>(ResourceKind<T> kind, V1Pod pod, string name, CancellationToken cancellationToken)
        where T : class, IKubernetesObject<V1ObjectMeta> =>
        await client.FindAsync(kind, pod.Metadata.NamespaceProperty, name, cancellationToken)
        ?? await references.FindAsync(kind, pod.Metadata.Uid, pod.Metadata.NamespaceProperty, name, cancellationToken);
}
