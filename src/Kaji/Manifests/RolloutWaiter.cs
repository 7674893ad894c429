using k8s.Models;
using Kaji.Bots.Api;
using Kaji.Client;

namespace Kaji.Manifests;

/// <summary>Waits until what was applied is there to be used: Deployments rolled out, bare Pods ready. Follows watches; says what is still missing.</summary>
internal static class RolloutWaiter
{
    public static async Task WaitAsync(IApiClient client, IReadOnlyList<Manifest> manifests, TimeSpan timeout, Action<string> say, CancellationToken cancel)
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancel);
        limit.CancelAfter(timeout);
        var waits = manifests.Select(m => m.Kind switch
        {
            "Deployment" => WaitOneAsync(client, Client.Kinds.Deployment, m, Missing, say, limit.Token),
            "Pod" => WaitOneAsync(client, Client.Kinds.Pod, m, Missing, say, limit.Token),
            "Bot" => WaitOneAsync(client, BotKinds.Bot, m, Missing, say, limit.Token),
            "BotFleet" => WaitOneAsync(client, BotKinds.BotFleet, m, Missing, say, limit.Token),
            _ => Task.FromResult<string?>(null),
        }).ToArray();
        var missing = (await Task.WhenAll(waits)).OfType<string>().ToArray();
        if (missing.Length > 0)
        {
            throw new UserError($"not available after {timeout.TotalSeconds:0} s:\n  {string.Join("\n  ", missing)}\nLook with: kubectl describe pods -A");
        }
    }

    /// <returns>Null when it is there, else what is missing when time ran out.</returns>
    private static async Task<string?> WaitOneAsync<T>(
        IApiClient client, ResourceKind<T> kind, Manifest manifest, Func<T, string?> missing, Action<string> say, CancellationToken limit)
        where T : class, k8s.IKubernetesObject<V1ObjectMeta>
    {
        var ns = manifest.Namespace ?? "default";
        var last = "not seen yet";
        try
        {
            var begin = await client.GetAsync(kind, ns, manifest.Name, limit);
            await foreach (var now in client.FollowAsync(kind, begin, TimeProvider.System, limit))
            {
                if (now is not null && missing(now) is null)
                {
                    say($"{kind.Kind.ToLowerInvariant()}/{manifest.Name} is available");
                    return null;
                }

                last = now is null ? "it was deleted" : missing(now)!;
            }

            return null;
        }
        catch (OperationCanceledException) when (limit.IsCancellationRequested)
        {
            return $"{kind.Kind} {ns}/{manifest.Name}: {last}";
        }
    }

    private static string? Missing(V1Deployment deployment)
    {
        var want = deployment.Spec.Replicas ?? 1;
        var status = deployment.Status;
        if ((status?.ObservedGeneration ?? 0) < deployment.Metadata.Generation)
        {
            return "not observed yet";
        }

        return (status?.UpdatedReplicas ?? 0) < want || (status?.AvailableReplicas ?? 0) < want
            ? $"{status?.AvailableReplicas ?? 0} of {want} replicas available"
            : null;
    }

    private static string? Missing(Bot bot) =>
        bot.Status?.ObservedGeneration == bot.Metadata.Generation && bot.Status?.Phase is BotPhase.Active or BotPhase.Stopped ? null : bot.Status?.Message ?? "not observed yet";

    private static string? Missing(BotFleet fleet) =>
        fleet.Status is { } s && s.ObservedGeneration == fleet.Metadata.Generation && s.Active == s.Bots ? null : fleet.Status is { } now ? $"{now.Active ?? 0} of {now.Bots ?? 0} bots act; {now.Message}" : "not observed yet";

    private static string? Missing(V1Pod pod)
    {
        var ready = pod.Status?.Conditions?.FirstOrDefault(c => c.Type == "Ready");
        return ready?.Status == "True" || pod.Status?.Phase == "Succeeded" ? null : ready?.Message ?? pod.Status?.Phase ?? "not scheduled";
    }
}
