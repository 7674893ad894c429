using System.Text.Json.Nodes;

namespace Kaji.Conformance.Running;

/// <summary>Rows about the API server's proxies to Pods and Services.</summary>
public sealed class ProxyTests(ConformanceCluster cluster)
{
    private const string Ports =
        """{"selector":{"app":"web"},"ports":[{"name":"portname1","port":80,"targetPort":8080},{"name":"portname2","port":81,"targetPort":8081}]}""";

    [Fact]
    [ConformanceRow("[sig-network] Proxy version v1 should proxy through a service and a pod [Conformance]")]
    public async Task Names_Numbers_AndSchemes()
    {
        var on = await StartAsync();
        foreach (var (path, expected) in ((string, string)[])
                 [
                     ("pods/web:8080/proxy/hostname", "web"), ("pods/http:web:8080/proxy/hostname", "web"), ("pods/web:8081/proxy/a/b", "GET /a/b"), ("services/web:80/proxy/hostname", "web"),
                     ("services/web:portname1/proxy/hostname", "web"), ("services/http:web:portname2/proxy/x?y=z", "GET /x?y=z"), ("services/http:web:81/proxy/", "GET /"),
                 ])
        {
            await on.Api.UntilAsync($"/api/v1/namespaces/{on.Namespace}/{path}", a => a.Code == 200 && a.Text == expected);
        }

        (await on.Api.GetAsync($"/api/v1/namespaces/{on.Namespace}/pods/none:80/proxy/")).Refused(404);
        (await on.Api.GetAsync($"/api/v1/namespaces/{on.Namespace}/services/web:nothing/proxy/")).Refused(503);
    }

    [Theory]
    [InlineData("proxy")]
    [InlineData("proxy/some/path")]
    [ConformanceRow("[sig-network] Proxy version v1 A set of valid responses are returned for both pod and service Proxy [Conformance]")]
    [ConformanceRow("[sig-network] Proxy version v1 A set of valid responses are returned for both pod and service ProxyWithPath [Conformance]")]
    public async Task EveryMethod_Passes(string suffix)
    {
        var on = await StartAsync();
        await on.Api.UntilAsync($"/api/v1/namespaces/{on.Namespace}/services/web:80/proxy/hostname", a => a.Code == 200);
        var inner = suffix == "proxy" ? "/" : suffix["proxy".Length..];
        foreach (var target in (string[])["pods/web:8080", "services/web:portname1"])
        {
            foreach (var method in (string[])["DELETE", "GET", "OPTIONS", "PATCH", "POST", "PUT", "HEAD"])
            {
                var answer = await on.Api.SendAsync(new HttpMethod(method), $"/api/v1/namespaces/{on.Namespace}/{target}/{suffix}{(suffix == "proxy" ? "/" : "")}", method is "PATCH" or "POST" or "PUT" ? "{}" : null, "application/json");
                answer.Ok();
                Assert.Equal(method == "HEAD" ? "" : $"{method} {inner}", answer.Text);
            }
        }

        // Without the slash a GET is sent on to the path with it.
        Assert.Equal("GET /", (await on.Api.GetAsync($"/api/v1/namespaces/{on.Namespace}/pods/web:8080/proxy")).Ok().Text);
    }

    [Fact]
    [ConformanceRow("[sig-auth] ServiceAccounts ServiceAccountIssuerDiscovery should support OIDC discovery of service account issuer [Conformance]")]
    public async Task Issuer_TellsTheKeysThatATokenIsVerifiedWith()
    {
        var on = await Workloads.StartAsync(cluster);
        await on.PodAsync("web");
        var token = (await on.ExecAsync("web", "/bin/cat", "/var/run/secrets/kubernetes.io/serviceaccount/token"))!;
        using var asPod = new Api(cluster.ConnectAs(token));
        var configuration = (await asPod.GetAsync("/.well-known/openid-configuration")).Ok().Json;
        var parts = token.Split('.');
        var (header, claims) = (JsonNode.Parse(Decode(parts[0]))!, JsonNode.Parse(Decode(parts[1]))!);
        Assert.Equal((string)configuration["issuer"]!, (string)claims["iss"]!);
        var keys = (await asPod.GetAsync(new Uri((string)configuration["jwks_uri"]!).PathAndQuery)).Ok().Json["keys"]!.AsArray();
        var key = keys.Single(k => (string)k!["kid"]! == (string)header["kid"]!)!;
        Assert.Equal(("EC", "P-256", "ES256"), ((string)key["kty"]!, (string)key["crv"]!, (string)header["alg"]!));
        using var verifier = System.Security.Cryptography.ECDsa.Create(new System.Security.Cryptography.ECParameters
        {
            Curve = System.Security.Cryptography.ECCurve.NamedCurves.nistP256,
            Q = new System.Security.Cryptography.ECPoint { X = Decode((string)key["x"]!), Y = Decode((string)key["y"]!) },
        });
        Assert.True(verifier.VerifyData(System.Text.Encoding.ASCII.GetBytes($"{parts[0]}.{parts[1]}"), Decode(parts[2]), System.Security.Cryptography.HashAlgorithmName.SHA256));
        Assert.Equal($"system:serviceaccount:{on.Namespace}:default", (string)claims["sub"]!);
        Assert.Equal("web", (string)claims["kubernetes.io"]!["pod"]!["name"]!);

        static byte[] Decode(string text) => System.Buffers.Text.Base64Url.DecodeFromChars(text);
    }

    private async Task<Workloads> StartAsync()
    {
        var on = await Workloads.StartAsync(cluster);
        await on.ServiceAsync("web", Ports);
        await on.PodAsync("web", command: "\"/agent\",\"serve\",\"8080\",\"8081\"");
        return on;
    }
}
