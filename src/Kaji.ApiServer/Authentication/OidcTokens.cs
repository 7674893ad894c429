using System.Buffers.Text;
using System.Collections.Concurrent;
using System.Net.Security;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Kaji.Api.Kinds;
using Microsoft.Extensions.Logging;

namespace Kaji.ApiServer.Authentication;

/// <summary>
/// ID tokens of an OpenID Connect issuer (RFC 7519, signed with RS256, RS384, RS512, ES256, ES384 or ES512). The issuer's keys are fetched when a token names one that is not known, at most now and then.
/// </summary>
public sealed partial class OidcTokens : ITokenAuthenticator, IDisposable
{
    private const int MaxDocument = 1 << 20;
    private static readonly TimeSpan FetchAtMostEvery = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan AnswerWithin = TimeSpan.FromSeconds(10);
    private readonly OidcOptions _options;
    private readonly TimeProvider _time;
    private readonly ILogger _log;
    private readonly HttpClient _http;
    private readonly SemaphoreSlim _fetching = new(1, 1);
    private readonly ConcurrentDictionary<string, JsonObject> _keys = new(StringComparer.Ordinal);
    private DateTimeOffset _fetched = DateTimeOffset.MinValue;

    public OidcTokens(OidcOptions options, TimeProvider time, ILogger log)
    {
        (_options, _time, _log) = (options, time, log);
        var handler = new SocketsHttpHandler { AllowAutoRedirect = false };
        if (options.AuthorityPem is { } pem)
        {
            var roots = new X509Certificate2Collection();
            roots.ImportFromPem(pem);
            handler.SslOptions = new SslClientAuthenticationOptions { CertificateChainPolicy = new X509ChainPolicy { TrustMode = X509ChainTrustMode.CustomRootTrust, RevocationMode = X509RevocationMode.NoCheck } };
            handler.SslOptions.CertificateChainPolicy.CustomTrustStore.AddRange(roots);
        }

        _http = new HttpClient(handler) { Timeout = AnswerWithin, MaxResponseContentBufferSize = MaxDocument };
    }

    /// <inheritdoc/>
    public async ValueTask<TokenIdentity?> AuthenticateAsync(string token, IReadOnlyList<string> audiences, CancellationToken cancellationToken)
    {
        if (token.Split('.') is not [var head, var body, var signature] || Json(head) is not { } header || Json(body) is not { } claims || claims.Str("iss") != _options.IssuerUrl.OriginalString)
        {
            return null;
        }

        if (await KeyAsync(header.Str("kid"), cancellationToken) is not { } key || !IsSigned(key, header.Str("alg"), $"{head}.{body}", signature))
        {
            return null;
        }

        var now = _time.GetUtcNow().ToUnixTimeSeconds();
        if (claims.Int("exp") is not { } end || end <= now || claims.Int("nbf") > now || !Texts(claims["aud"]).Contains(_options.ClientId, StringComparer.Ordinal)
            || _options.RequiredClaims.Any(r => claims[r.Key].Text() != r.Value) || (_options.UsernameClaim == "email" && claims["email_verified"] is { } verified && verified.Text() != "true"))
        {
            return null;
        }

        var name = claims[_options.UsernameClaim].Text();
        if (name.Length == 0)
        {
            return null;
        }

        var groups = _options.GroupsClaim is { } claim ? Texts(claims[claim]).Select(g => _options.GroupsPrefix + g) : [];
        var user = new UserInfo(_options.Prefix + name, [.. groups, "system:authenticated"]);
        return audiences.Count == 0 || audiences.Contains(ServiceAccountTokens.Issuer, StringComparer.Ordinal) ? new TokenIdentity(user, [ServiceAccountTokens.Issuer]) : null;
    }

    public void Dispose()
    {
        _http.Dispose();
        _fetching.Dispose();
    }

    private async Task<JsonObject?> KeyAsync(string id, CancellationToken cancellationToken)
    {
        if (_keys.TryGetValue(id, out var known))
        {
            return known;
        }

        await _fetching.WaitAsync(cancellationToken);
        try
        {
            if (!_keys.ContainsKey(id) && _time.GetUtcNow() - _fetched >= FetchAtMostEvery)
            {
                _fetched = _time.GetUtcNow();
                await FetchAsync(cancellationToken);
            }
        }
        catch (Exception e) when (e is HttpRequestException or JsonException or UriFormatException || (e is OperationCanceledException && !cancellationToken.IsCancellationRequested))
        {
            NotFetched(_options.IssuerUrl, e.Message);
        }
        finally
        {
            _fetching.Release();
        }

        return _keys.GetValueOrDefault(id);
    }

    private async Task FetchAsync(CancellationToken cancellationToken)
    {
        var about = JsonNode.Parse(await _http.GetByteArrayAsync(new Uri(_options.IssuerUrl.OriginalString.TrimEnd('/') + "/.well-known/openid-configuration"), cancellationToken)) as JsonObject;
        if (about.Str("issuer") != _options.IssuerUrl.OriginalString)
        {
            throw new HttpRequestException($"it calls itself {about.Str("issuer")}");
        }

        var set = JsonNode.Parse(await _http.GetByteArrayAsync(new Uri(about.Str("jwks_uri")), cancellationToken)) as JsonObject;
        _keys.Clear();
        foreach (var key in set.Items("keys").Where(k => k.Str("use") is "" or "sig"))
        {
            _keys[key.Str("kid")] = key;
        }
    }

    private static bool IsSigned(JsonObject key, string algorithm, string text, string signature)
    {
        try
        {
            var (data, bytes) = (Encoding.ASCII.GetBytes(text), Base64Url.DecodeFromChars(signature));
            var hash = algorithm[2..] switch { "256" => HashAlgorithmName.SHA256, "384" => HashAlgorithmName.SHA384, "512" => HashAlgorithmName.SHA512, _ => default };
            switch (algorithm[..2], key.Str("kty"))
            {
                case ("RS", "RSA") when hash != default:
                    using (var rsa = RSA.Create(new RSAParameters { Modulus = Base64Url.DecodeFromChars(key.Str("n")), Exponent = Base64Url.DecodeFromChars(key.Str("e")) }))
                    {
                        return rsa.VerifyData(data, bytes, hash, RSASignaturePadding.Pkcs1);
                    }

                case ("ES", "EC") when hash != default:
                    var curve = key.Str("crv") switch { "P-256" => ECCurve.NamedCurves.nistP256, "P-384" => ECCurve.NamedCurves.nistP384, _ => ECCurve.NamedCurves.nistP521 };
                    using (var ecdsa = ECDsa.Create(new ECParameters { Curve = curve, Q = new ECPoint { X = Base64Url.DecodeFromChars(key.Str("x")), Y = Base64Url.DecodeFromChars(key.Str("y")) } }))
                    {
                        return ecdsa.VerifyData(data, bytes, hash);
                    }

                default:
                    return false;
            }
        }
        catch (Exception e) when (e is FormatException or CryptographicException or ArgumentException)
        {
            return false;
        }
    }

    private static JsonObject? Json(string part)
    {
        try
        {
            return JsonNode.Parse(Base64Url.DecodeFromChars(part)) as JsonObject;
        }
        catch (Exception e) when (e is FormatException or JsonException)
        {
            return null;
        }
    }

    private static IEnumerable<string> Texts(JsonNode? node) => node switch { JsonArray many => many.Select(v => v.Text()), null => [], var one => [one.Text()] };

    [LoggerMessage(1, LogLevel.Warning, "the keys of the OpenID Connect issuer {issuer} were not fetched: {why}")]
    private partial void NotFetched(Uri issuer, string why);
}
