using System.Collections.Concurrent;
using k8s.Models;
using Kaji.Client;

namespace Kaji.Node.Volumes;

/// <summary>Service account tokens of this node's Pods; asked for anew when four fifths of a token's life are over.</summary>
internal sealed class TokenCache(IApiClient client, TimeProvider time)
{
    private const double UsedPart = 0.8;
    private static readonly TimeSpan LongestUse = TimeSpan.FromHours(24);
    private readonly ConcurrentDictionary<(string Uid, string Audience, long Seconds), (string Token, DateTimeOffset RenewAt)> _tokens = new();

    public async Task<string> GetAsync(V1Pod pod, string? audience, long seconds, CancellationToken cancellationToken)
    {
        var key = (pod.Metadata.Uid, audience ?? "", seconds);
        if (_tokens.TryGetValue(key, out var known) && time.GetUtcNow() < known.RenewAt)
        {
            return known.Token;
        }

        var request = new Authenticationv1TokenRequest
        {
            ApiVersion = "authentication.k8s.io/v1",
            Kind = "TokenRequest",
            Spec = new V1TokenRequestSpec
            {
                Audiences = string.IsNullOrEmpty(audience) ? [] : [audience],
                ExpirationSeconds = seconds,
                BoundObjectRef = new V1BoundObjectReference { ApiVersion = "v1", Kind = "Pod", Name = pod.Metadata.Name, Uid = pod.Metadata.Uid },
            },
        };
        var issued = await client.CreateSubresourceAsync(Kinds.ServiceAccount, pod.Metadata.NamespaceProperty, pod.Spec.ServiceAccountName, "token", request, cancellationToken);
        var now = time.GetUtcNow();
        var life = issued.Status.ExpirationTimestamp is { } end ? new DateTimeOffset(DateTime.SpecifyKind(end, DateTimeKind.Utc)) - now : TimeSpan.FromSeconds(seconds);
        var use = life * UsedPart;
        _tokens[key] = (issued.Status.Token, now + (use < LongestUse ? use : LongestUse));
        return issued.Status.Token;
    }

    /// <summary>When the first of a Pod's tokens is to be asked for anew; the end of time when it has none.</summary>
    public DateTimeOffset NextRenewal(string uid) => _tokens.Where(t => t.Key.Uid == uid).Select(t => t.Value.RenewAt).DefaultIfEmpty(DateTimeOffset.MaxValue).Min();

    public void Forget(string uid)
    {
        foreach (var key in _tokens.Keys.Where(k => k.Uid == uid))
        {
            _tokens.TryRemove(key, out _);
        }
    }
}
