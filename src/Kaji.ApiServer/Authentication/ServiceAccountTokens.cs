using System.Buffers.Text;
using System.Collections.Concurrent;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Kaji.Api.Kinds;
using Kaji.ApiServer.Registry;

namespace Kaji.ApiServer.Authentication;

/// <summary>
/// Bound service account tokens: JWTs (RFC 7519) signed with ES256 (RFC 7518), with Kubernetes' claims. A token is good while it has not expired and what it is bound to
/// (service account, Pod) still lives under the same uid.
/// </summary>
/// <example>
/// <code>
/// {"aud":["https://kubernetes.default.svc.cluster.local"],"exp":…,"iat":…,"iss":"https://kubernetes.default.svc.cluster.local","jti":…,
///  "kubernetes.io":{"namespace":"a","pod":{"name":"p","uid":…},"serviceaccount":{"name":"default","uid":…}},"nbf":…,"sub":"system:serviceaccount:a:default"}
/// </code>
/// </example>
public sealed class ServiceAccountTokens(ECDsa key, TimeProvider time) : ITokenAuthenticator
{
    public const string Issuer = "https://kubernetes.default.svc.cluster.local";
    private const string LegacyIssuer = "kubernetes/serviceaccount";
    private const int CacheSize = 4096;
    private const string UserPrefix = "system:serviceaccount:";
    private readonly string _keyId = Convert.ToHexStringLower(SHA256.HashData(key.ExportSubjectPublicKeyInfo()))[..16];
    private readonly ConcurrentDictionary<string, JsonObject> _verified = new(StringComparer.Ordinal);
    private readonly Lock _signing = new();

    /// <summary>Where bound objects are looked up; set when the registry is there.</summary>
    public IObjectRegistry? Objects { get; set; }

    /// <param name="account">The ServiceAccount.</param>
    /// <param name="bound">Kind (lower case: pod, secret, node), name and uid of what it is bound to besides; null for none.</param>
    /// <param name="node">The node of the Pod it is bound to: told, not checked.</param>
    public string Issue(JsonObject account, IReadOnlyList<string> audiences, TimeSpan lifetime, (string Kind, string Name, string Uid)? bound, (string Name, string Uid)? node = null)
    {
        var (ns, name) = (account.Obj("metadata").Str("namespace"), account.Obj("metadata").Str("name"));
        var now = time.GetUtcNow().ToUnixTimeSeconds();
        var about = new JsonObject { ["namespace"] = ns, ["serviceaccount"] = new JsonObject { ["name"] = name, ["uid"] = account.Obj("metadata").Str("uid") } };
        if (bound is { } b)
        {
            about[b.Kind] = new JsonObject { ["name"] = b.Name, ["uid"] = b.Uid };
        }

        if (node is { } n)
        {
            about["node"] = new JsonObject { ["name"] = n.Name, ["uid"] = n.Uid };
        }

        var claims = new JsonObject
        {
            ["aud"] = new JsonArray([.. audiences.Select(a => (JsonNode)a)]), ["exp"] = now + (long)lifetime.TotalSeconds, ["iat"] = now, ["iss"] = Issuer, ["jti"] = Guid.NewGuid().ToString(),
            ["kubernetes.io"] = about, ["nbf"] = now, ["sub"] = $"{UserPrefix}{ns}:{name}",
        };
        return Sign(claims);
    }

    /// <summary>The token of a Secret of type <c>kubernetes.io/service-account-token</c>: good as long as the Secret holds it.</summary>
    /// <param name="account">The ServiceAccount's name, and its uid.</param>
    public string IssueLegacy(string ns, string secret, (string Name, string Uid) account) => Sign(new JsonObject
    {
        ["iss"] = LegacyIssuer, ["kubernetes.io/serviceaccount/namespace"] = ns, ["kubernetes.io/serviceaccount/secret.name"] = secret,
        ["kubernetes.io/serviceaccount/service-account.name"] = account.Name, ["kubernetes.io/serviceaccount/service-account.uid"] = account.Uid, ["sub"] = $"{UserPrefix}{ns}:{account.Name}",
    });

    /// <inheritdoc/>
    public ValueTask<TokenIdentity?> AuthenticateAsync(string token, IReadOnlyList<string> audiences, CancellationToken cancellationToken)
    {
        if (Verify(token, audiences) is not { } user)
        {
            return ValueTask.FromResult<TokenIdentity?>(null);
        }

        IReadOnlyList<string> wanted = audiences.Count == 0 ? [Issuer] : audiences;
        var own = AudiencesOf(token);
        return ValueTask.FromResult<TokenIdentity?>(new TokenIdentity(user, [.. wanted.Where(a => (own.Count == 0 ? [Issuer] : own).Contains(a, StringComparer.Ordinal))]));
    }

    private string Sign(JsonObject claims)
    {
        var head = $$"""{"alg":"ES256","kid":"{{_keyId}}"}""";
        var text = $"{Base64Url.EncodeToString(Encoding.UTF8.GetBytes(head))}.{Base64Url.EncodeToString(ObjectCodec.Bytes(claims))}";
        lock (_signing)
        {
            return $"{text}.{Base64Url.EncodeToString(key.SignData(Encoding.ASCII.GetBytes(text), HashAlgorithmName.SHA256))}";
        }
    }

    /// <summary>The token's user; null when it is not good.</summary>
    /// <param name="audiences">One of them must be the token's; empty for the API server's own.</param>
    public UserInfo? Verify(string token, IReadOnlyList<string> audiences)
    {
        var claims = Claims(token);
        if (claims is null || claims.Str("iss") != Issuer)
        {
            return claims.Str("iss") == LegacyIssuer && (audiences.Count == 0 || audiences.Contains(Issuer, StringComparer.Ordinal)) ? OfSecret(token, claims!) : null;
        }

        var now = time.GetUtcNow().ToUnixTimeSeconds();
        if (claims.Int("exp") is not { } expires || expires <= now || claims.Int("nbf") is not { } from || from > now + 60)
        {
            _verified.TryRemove(token, out _);
            return null;
        }

        var wanted = audiences.Count == 0 ? [Issuer] : audiences;
        if (claims["aud"] is not JsonArray audience || !audience.Any(a => wanted.Contains(a.Text(), StringComparer.Ordinal)))
        {
            return null;
        }

        var about = claims.Obj("kubernetes.io");
        var (ns, account) = (about.Str("namespace"), about.Obj("serviceaccount"));
        if (!Lives("serviceaccounts", ns, account)
            || (about.Obj("pod") is { } pod && !Lives("pods", ns, pod))
            || (about.Obj("secret") is { } secret && !Lives("secrets", ns, secret))
            || (about.Obj("pod") is null && about.Obj("node") is { } node && !Lives("nodes", "", node)))
        {
            return null;
        }

        var extra = new Dictionary<string, IReadOnlyList<string>>(StringComparer.Ordinal) { ["authentication.kubernetes.io/credential-id"] = [$"JTI={claims.Str("jti")}"] };
        foreach (var kind in (ReadOnlySpan<string>)["pod", "node"])
        {
            if (about.Obj(kind) is { } bound)
            {
                extra[$"authentication.kubernetes.io/{kind}-name"] = [bound.Str("name")];
                extra[$"authentication.kubernetes.io/{kind}-uid"] = [bound.Str("uid")];
            }
        }

        return new UserInfo(claims.Str("sub"), ["system:serviceaccounts", $"system:serviceaccounts:{ns}", "system:authenticated"]) { Uid = account.Str("uid"), Extra = extra };
    }

    /// <summary>Whom a token that was verified is for.</summary>
    public IReadOnlyList<string> AudiencesOf(string token) => Claims(token)?["aud"] is JsonArray audience ? [.. audience.Select(a => a.Text())] : [];

    /// <summary>The public key as a JSON Web Key Set (RFC 7517).</summary>
    public JsonObject KeySet()
    {
        var point = key.ExportParameters(includePrivateParameters: false).Q;
        return new JsonObject
        {
            ["keys"] = new JsonArray((JsonNode)new JsonObject
            {
                ["use"] = "sig", ["kty"] = "EC", ["kid"] = _keyId, ["crv"] = "P-256", ["alg"] = "ES256",
                ["x"] = Base64Url.EncodeToString(point.X), ["y"] = Base64Url.EncodeToString(point.Y),
            }),
        };
    }

    private UserInfo? OfSecret(string token, JsonObject claims)
    {
        string Claim(string name) => claims.Str("kubernetes.io/serviceaccount/" + name);
        var (ns, name, uid) = (Claim("namespace"), Claim("service-account.name"), Claim("service-account.uid"));
        var secret = Objects?.Get(BuiltInResources.Find("", "v1", "secrets")!, ns, Claim("secret.name"));
        if (secret.Obj("metadata") is not { } metadata || metadata["deletionTimestamp"] is not null
            || secret.Obj("data").Str("token") != Convert.ToBase64String(Encoding.UTF8.GetBytes(token))
            || !Lives("serviceaccounts", ns, new JsonObject { ["name"] = name, ["uid"] = uid }))
        {
            return null;
        }

        return new UserInfo(claims.Str("sub"), ["system:serviceaccounts", $"system:serviceaccounts:{ns}", "system:authenticated"]) { Uid = uid };
    }

    private bool Lives(string plural, string ns, JsonObject? bound) =>
        bound is not null && Objects is { } objects && objects.Get(BuiltInResources.Find("", "v1", plural)!, ns, bound.Str("name"))?.Obj("metadata").Str("uid") == bound.Str("uid");

    /// <summary>The claims of a token with a good signature; a verification costs a third of a millisecond, so its outcome is kept.</summary>
    private JsonObject? Claims(string token)
    {
        if (_verified.TryGetValue(token, out var known))
        {
            return known;
        }

        if (token.Length > 16 * 1024 || token.Split('.') is not [var head, var body, var signature])
        {
            return null;
        }

        try
        {
            if (JsonNode.Parse(Base64Url.DecodeFromChars(head))?["alg"].Text() != "ES256")
            {
                return null;
            }

            bool good;
            lock (_signing)
            {
                good = key.VerifyData(Encoding.ASCII.GetBytes($"{head}.{body}"), Base64Url.DecodeFromChars(signature), HashAlgorithmName.SHA256);
            }

            if (!good || JsonNode.Parse(Base64Url.DecodeFromChars(body)) is not JsonObject claims)
            {
                return null;
            }

            if (_verified.Count >= CacheSize)
            {
                _verified.Clear();
            }

            _verified[token] = claims;
            return claims;
        }
        catch (Exception e) when (e is FormatException or JsonException or InvalidOperationException)
        {
            return null;
        }
    }
}
