namespace Kaji.ApiServer.Authentication;

/// <summary>An OpenID Connect issuer whose ID tokens are believed; named as kube-apiserver's <c>--oidc-*</c> flags. https://kubernetes.io/docs/reference/access-authn-authz/authentication/#openid-connect-tokens</summary>
/// <param name="IssuerUrl">https; its discovery document is below <c>/.well-known/openid-configuration</c>.</param>
/// <param name="ClientId">The audience a token must have.</param>
public sealed record OidcOptions(Uri IssuerUrl, string ClientId)
{
    public string UsernameClaim { get; init; } = "sub";

    /// <summary>Put before user names; null for the issuer's URL and <c>#</c> (none before email claims), <c>-</c> for none.</summary>
    public string? UsernamePrefix { get; init; }

    /// <summary>Claim of groups; null for none.</summary>
    public string? GroupsClaim { get; init; }

    public string GroupsPrefix { get; init; } = "";

    /// <summary>Claims that a token must have, with these values.</summary>
    public IReadOnlyDictionary<string, string> RequiredClaims { get; init; } = new Dictionary<string, string>(StringComparer.Ordinal);

    /// <summary>Roots of the issuer's certificate as PEM; null for this machine's.</summary>
    public string? AuthorityPem { get; init; }

    internal string Prefix => UsernamePrefix switch { "-" => "", null => UsernameClaim == "email" ? "" : IssuerUrl.OriginalString + "#", var said => said };
}
