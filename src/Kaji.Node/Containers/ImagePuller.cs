using System.Collections.Concurrent;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using k8s.Models;
using Kaji.Client;
using Kaji.Engine;

namespace Kaji.Node.Containers;

/// <summary>An image that can't be had now, with kubelet's reason (ErrImagePull, ImagePullBackOff, ErrImageNeverPull, InvalidImageName).</summary>
internal sealed class ImageException(string reason, string message, TimeSpan retryAfter) : Exception(message)
{
    public string Reason { get; } = reason;

    public TimeSpan RetryAfter { get; } = retryAfter;
}

/// <summary>Makes sure that a container's image is here, by its pull policy, with back-off per image and Pod, and the Pod's pull secrets.</summary>
internal sealed class ImagePuller(IApiClient client, IImageStore images, TimeProvider time)
{
    private static readonly TimeSpan FirstBackOff = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan MaxBackOff = TimeSpan.FromMinutes(5);
    private readonly ConcurrentDictionary<string, (TimeSpan BackOff, DateTimeOffset Until, string Message)> _failures = new(StringComparer.Ordinal);

    /// <param name="record">Events: reason, message, whether a warning.</param>
    /// <exception cref="ImageException">Not now.</exception>
    public async Task<ImageInfo> EnsureAsync(V1Pod pod, V1Container container, Action<string, string, bool> record, CancellationToken cancellationToken)
    {
        var image = container.Image;
        var key = $"{pod.Metadata.Uid}/{image}";
        ImageInfo? present;
        try
        {
            present = images.Find(image);
        }
        catch (EngineException e)
        {
            throw new ImageException("InvalidImageName", $"Failed to apply default image tag \"{image}\": {e.Message}", MaxBackOff);
        }

        if (present is not null && container.ImagePullPolicy != "Always")
        {
            record("Pulled", $"Container image \"{image}\" already present on machine", false);
            return present;
        }

        if (container.ImagePullPolicy == "Never")
        {
            throw new ImageException("ErrImageNeverPull", $"Container image \"{image}\" is not present with pull policy of Never", MaxBackOff);
        }

        if (_failures.TryGetValue(key, out var failure) && time.GetUtcNow() < failure.Until)
        {
            record("BackOff", $"Back-off pulling image \"{image}\"", false);
            throw new ImageException("ImagePullBackOff", $"Back-off pulling image \"{image}\": ErrImagePull: {failure.Message}", failure.Until - time.GetUtcNow());
        }

        record("Pulling", $"Pulling image \"{image}\"", false);
        try
        {
            var began = time.GetTimestamp();
            var pulled = await images.PullAsync(image, await CredentialAsync(pod, image, cancellationToken), null, cancellationToken);
            _failures.TryRemove(key, out _);
            record("Pulled", $"Successfully pulled image \"{image}\" in {time.GetElapsedTime(began).TotalMilliseconds:0}ms. Image size: {pulled.Size} bytes.", false);
            return pulled;
        }
        catch (EngineException e)
        {
            var backOff = failure.BackOff == default ? FirstBackOff : TimeSpan.FromTicks(Math.Min(MaxBackOff.Ticks, failure.BackOff.Ticks * 2));
            _failures[key] = (backOff, time.GetUtcNow() + backOff, e.Message);
            record("Failed", $"Failed to pull image \"{image}\": {e.Message}", true);
            record("Failed", "Error: ErrImagePull", true);
            throw new ImageException("ErrImagePull", $"failed to pull image \"{image}\": {e.Message}", backOff);
        }
    }

    public void Forget(string podUid)
    {
        foreach (var key in _failures.Keys.Where(k => k.StartsWith(podUid + "/", StringComparison.Ordinal)))
        {
            _failures.TryRemove(key, out _);
        }
    }

    /// <summary>The first of the Pod's pull secrets that knows the image's registry.</summary>
    private async Task<RegistryCredential?> CredentialAsync(V1Pod pod, string image, CancellationToken cancellationToken)
    {
        foreach (var reference in pod.Spec.ImagePullSecrets ?? [])
        {
            var secret = await client.FindAsync(Kinds.Secret, pod.Metadata.NamespaceProperty, reference.Name, cancellationToken);
            if (secret?.Data?.TryGetValue(".dockerconfigjson", out var config) != true)
            {
                continue;
            }

            JsonObject? registries;
            try
            {
                registries = JsonNode.Parse(config)?["auths"] as JsonObject;
            }
            catch (JsonException)
            {
                // A damaged secret is as good as none: the pull will say that it is unauthorized.
                continue;
            }

            foreach (var (registry, entry) in registries ?? [])
            {
                var host = registry.Replace("https://", "", StringComparison.Ordinal).Replace("http://", "", StringComparison.Ordinal).TrimEnd('/');
                if (!image.StartsWith(host + "/", StringComparison.Ordinal) && !(host.Contains("docker.io", StringComparison.Ordinal) && !image.Split('/')[0].Contains('.', StringComparison.Ordinal)))
                {
                    continue;
                }

                if ((string?)entry?["auth"] is { Length: > 0 } auth && Encoding.UTF8.GetString(Convert.FromBase64String(auth)).Split(':', 2) is [var user, var password])
                {
                    return new RegistryCredential(user, password);
                }

                if ((string?)entry?["username"] is { Length: > 0 } name)
                {
                    return new RegistryCredential(name, (string?)entry?["password"] ?? "");
                }
            }
        }

        return null;
    }
}
