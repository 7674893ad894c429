using System.Globalization;
using System.Text;
using k8s.Models;

namespace Kaji.Controllers.Bootstrap;

/// <summary>A bootstrap token as its Secret says it. https://kubernetes.io/docs/reference/access-authn-authz/bootstrap-tokens/#bootstrap-token-secret-format</summary>
/// <param name="Expiration">When it ends; null for never.</param>
/// <param name="Signs">Whether cluster-info is signed with it.</param>
internal sealed record BootstrapToken(string Id, string Secret, DateTimeOffset? Expiration, bool Signs)
{
    public const string SecretType = "bootstrap.kubernetes.io/token";
    public const string NamePrefix = "bootstrap-token-";
    public const string Namespace = "kube-system";

    /// <summary>Null when the Secret is not a whole token.</summary>
    public static BootstrapToken? Of(V1Secret secret)
    {
        string Value(string key) => secret.Data?.TryGetValue(key, out var bytes) == true ? Encoding.UTF8.GetString(bytes) : "";
        var (id, value, end) = (Value("token-id"), Value("token-secret"), Value("expiration"));
        if (secret.Type != SecretType || id.Length == 0 || value.Length == 0 || secret.Metadata.Name != NamePrefix + id)
        {
            return null;
        }

        DateTimeOffset? expiration = end.Length == 0 ? null : DateTimeOffset.TryParse(end, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out var at) ? at : DateTimeOffset.MinValue;
        return new BootstrapToken(id, value, expiration, Value("usage-bootstrap-signing") == "true");
    }
}
