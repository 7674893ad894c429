using System.Buffers.Text;
using System.Net;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using System.Text.Json.Nodes;
using Kaji.ApiServer.Authentication;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;

namespace Kaji.ApiServer.Tests.Authentication;

/// <summary>Against an issuer of the test's own, over TLS.</summary>
public sealed class OidcTokensTests : IAsyncLifetime
{
    private readonly FakeTimeProvider _time = new(TimeProvider.System.GetUtcNow());
    private readonly List<(string Id, AsymmetricAlgorithm Key)> _keys = [("one", ECDsa.Create(ECCurve.NamedCurves.nistP256))];
    private WebApplication _issuer = null!;
    private X509Certificate2 _certificate = null!;
    private OidcTokens _tokens = null!;
    private string _url = "";
    private int _fetched;

    public async ValueTask InitializeAsync()
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest("CN=issuer", key, HashAlgorithmName.SHA256);
        var names = new SubjectAlternativeNameBuilder();
        names.AddIpAddress(IPAddress.Loopback);
        request.CertificateExtensions.Add(names.Build());
        using var made = request.CreateSelfSigned(_time.GetUtcNow().AddHours(-1), _time.GetUtcNow().AddDays(1));
        _certificate = X509CertificateLoader.LoadPkcs12(made.Export(X509ContentType.Pkcs12), null);
        var builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        builder.WebHost.UseKestrelCore().UseKestrelHttpsConfiguration().ConfigureKestrel(k => k.Listen(IPAddress.Loopback, 0, l => l.UseHttps(_certificate)));
        _issuer = builder.Build();
        _issuer.Run(context => context.Response.WriteAsync(context.Request.Path.Value!.EndsWith("keys", StringComparison.Ordinal) ? Keys() : $$"""{"issuer":"{{_url}}","jwks_uri":"{{_url}}/keys"}"""));
        await _issuer.StartAsync();
        _url = _issuer.Urls.Single();
        _tokens = new OidcTokens(
            new OidcOptions(new Uri(_url), "kaji") { UsernameClaim = "name", UsernamePrefix = "oidc:", GroupsClaim = "groups", GroupsPrefix = "g:", RequiredClaims = new Dictionary<string, string>(StringComparer.Ordinal) { ["org"] = "desk" }, AuthorityPem = made.ExportCertificatePem() },
            _time, NullLogger.Instance);
    }

    public async ValueTask DisposeAsync()
    {
        _tokens.Dispose();
        await _issuer.DisposeAsync();
        _certificate.Dispose();
        _keys.ForEach(k => k.Key.Dispose());
    }

    [Fact]
    public async Task GoodToken_NamesItsUserAndGroups()
    {
        var user = (await AskAsync(Token()))!.User;
        Assert.Equal(("oidc:anna", "g:traders,g:ops,system:authenticated"), (user.Name, string.Join(',', user.Groups)));
        await AskAsync(Token());
        Assert.Equal(1, _fetched);
    }

    [Theory]
    [InlineData("iss", "\"https://other\"")]
    [InlineData("aud", "\"other\"")]
    [InlineData("exp", "1")]
    [InlineData("nbf", "99999999999")]
    [InlineData("org", "\"elsewhere\"")]
    [InlineData("name", "\"\"")]
    public async Task TokenThatIsNotForUs_IsNobodys(string claim, string value) => Assert.Null(await AskAsync(Token(c => c[claim] = JsonNode.Parse(value))));

    [Fact]
    public async Task TokenOfAnotherKey_OrAlteredOrUnsigned_IsNobodys()
    {
        using var other = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        Assert.Null(await AskAsync(Token(key: ("one", other))));
        var parts = Token().Split('.');
        Assert.Null(await AskAsync($"{parts[0]}.{Base64Url.EncodeToString(Encoding.UTF8.GetBytes("{}"))}.{parts[2]}"));
        Assert.Null(await AskAsync($"{Base64Url.EncodeToString("""{"alg":"none","kid":"one"}"""u8)}.{parts[1]}."));
        Assert.Null(await AskAsync("not.a.token"));
    }

    [Fact]
    public async Task NewKeyOfTheIssuer_IsFetched_ButNotForEachStranger()
    {
        Assert.NotNull(await AskAsync(Token()));
        var rsa = RSA.Create(2048);
        _keys.Add(("two", rsa));
        Assert.Null(await AskAsync(Token(key: ("two", rsa))));
        Assert.Equal(1, _fetched);
        _time.Advance(TimeSpan.FromSeconds(11));
        Assert.NotNull(await AskAsync(Token(key: ("two", rsa))));
        Assert.Equal(2, _fetched);
    }

    private ValueTask<TokenIdentity?> AskAsync(string token) => _tokens.AuthenticateAsync(token, [], CancellationToken.None);

    private string Keys()
    {
        _fetched++;
        return new JsonObject
        {
            ["keys"] = new JsonArray([.. _keys.Select(k => (JsonNode)(k.Key switch
            {
                ECDsa ec => new JsonObject { ["kty"] = "EC", ["kid"] = k.Id, ["crv"] = "P-256", ["x"] = Text(ec.ExportParameters(false).Q.X!), ["y"] = Text(ec.ExportParameters(false).Q.Y!) },
                RSA rsa => new JsonObject { ["kty"] = "RSA", ["kid"] = k.Id, ["use"] = "sig", ["n"] = Text(rsa.ExportParameters(false).Modulus!), ["e"] = Text(rsa.ExportParameters(false).Exponent!) },
                _ => throw new InvalidOperationException(k.Key.GetType().Name),
            }))]),
        }.ToJsonString();
    }

    private string Token(Action<JsonObject>? change = null, (string Id, AsymmetricAlgorithm Key)? key = null)
    {
        var (id, signer) = key ?? _keys[0];
        var now = _time.GetUtcNow().ToUnixTimeSeconds();
        var claims = new JsonObject { ["iss"] = _url, ["aud"] = new JsonArray("kaji", "more"), ["exp"] = now + 60, ["name"] = "anna", ["groups"] = new JsonArray("traders", "ops"), ["org"] = "desk" };
        change?.Invoke(claims);
        var text = $"{Text(Encoding.UTF8.GetBytes($$"""{"alg":"{{(signer is RSA ? "RS256" : "ES256")}}","kid":"{{id}}"}"""))}.{Text(Encoding.UTF8.GetBytes(claims.ToJsonString()))}";
        var data = Encoding.ASCII.GetBytes(text);
        return $"{text}.{Text(signer is RSA rsa ? rsa.SignData(data, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1) : ((ECDsa)signer).SignData(data, HashAlgorithmName.SHA256))}";
    }

    private static string Text(byte[] bytes) => Base64Url.EncodeToString(bytes);
}
