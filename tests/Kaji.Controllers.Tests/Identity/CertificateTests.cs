using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using System.Text.Json.Nodes;

namespace Kaji.Controllers.Tests.Identity;

public sealed class CertificateTests
{
    private const string Requests = "/apis/certificates.k8s.io/v1/certificatesigningrequests";
    private const string BootstrapGroup = "system:bootstrappers:kubeadm:default-node-token";

    [Fact]
    public async Task NodeClient_OfABootstrapper_IsApprovedSignedAndGood()
    {
        await using var cluster = await IdentityCluster.StartAsync();
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var bootstrapper = cluster.ClientOf("system:bootstrap:abcdef", "system:bootstrappers", BootstrapGroup);
        var asked = Json("node", Request(new CertificateRequest("O=system:nodes, CN=system:node:n1", key, HashAlgorithmName.SHA256)), "kubernetes.io/kube-apiserver-client-kubelet", "\"expirationSeconds\":7200,");

        var (code, made) = await IdentityCluster.CallAsync(bootstrapper, HttpMethod.Post, Requests, asked);

        Assert.True(code == 201, made.ToJsonString());
        Assert.Equal("system:bootstrap:abcdef", (string?)made["spec"]!["username"]);
        var done = await cluster.UntilAsync(Requests + "/node", r => r["status"]?["certificate"] is not null);
        Assert.Equal("AutoApproved", (string?)done["status"]!["conditions"]![0]!["reason"]);
        using var certificate = X509Certificate2.CreateFromPem(Encoding.ASCII.GetString(Convert.FromBase64String((string)done["status"]!["certificate"]!)));
        Assert.InRange(certificate.NotAfter.ToUniversalTime() - certificate.NotBefore.ToUniversalTime(), TimeSpan.FromSeconds(7200), TimeSpan.FromSeconds(7200 + 301));
        var user = await cluster.OfCertificateAsync(certificate);
        Assert.Equal("system:node:n1", user?.Name);
        Assert.Contains("system:nodes", user!.Groups);
    }

    [Fact]
    public async Task NodeClient_OfSomebodyElse_WaitsForAPerson()
    {
        await using var cluster = await IdentityCluster.StartAsync();
        using var key = RSA.Create(2048);
        var pem = Request(new CertificateRequest("O=system:nodes, CN=system:node:n1", key, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1));
        await cluster.AdminAsync(HttpMethod.Post, "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings", """{"apiVersion":"rbac.authorization.k8s.io/v1","kind":"ClusterRoleBinding","metadata":{"name":"asks"},"roleRef":{"apiGroup":"rbac.authorization.k8s.io","kind":"ClusterRole","name":"system:node-bootstrapper"},"subjects":[{"apiGroup":"rbac.authorization.k8s.io","kind":"User","name":"eve"}]}""");
        await TestApi.UntilAsync(async () => (await IdentityCluster.CallAsync(cluster.ClientOf("eve"), HttpMethod.Post, Requests, Json("eve", pem, "kubernetes.io/kube-apiserver-client-kubelet"))).Code == 201, "eve may ask");
        // One that is approved by itself, after it, shows that the controller has seen both.
        await IdentityCluster.CallAsync(cluster.ClientOf("system:bootstrap:abcdef", BootstrapGroup), HttpMethod.Post, Requests, Json("later", pem, "kubernetes.io/kube-apiserver-client-kubelet"));
        await cluster.UntilAsync(Requests + "/later", r => r["status"]?["certificate"] is not null);
        Assert.Null((await cluster.AdminAsync(HttpMethod.Get, Requests + "/eve")).Body["status"]?["conditions"]);

        // What kubectl certificate approve sends.
        var csr = (await cluster.AdminAsync(HttpMethod.Get, Requests + "/eve")).Body;
        csr["status"] = JsonNode.Parse("""{"conditions":[{"type":"Approved","status":"True","reason":"KubectlApprove","message":"by hand"}]}""");
        Assert.Equal(200, (await cluster.AdminAsync(HttpMethod.Put, Requests + "/eve/approval", csr.ToJsonString())).Code);

        var done = await cluster.UntilAsync(Requests + "/eve", r => r["status"]?["certificate"] is not null);
        done["status"]!["conditions"] = new JsonArray();
        var (code, why) = await cluster.AdminAsync(HttpMethod.Put, Requests + "/eve/approval", done.ToJsonString());
        Assert.Equal(422, code);
        Assert.Contains("updates may not remove a condition of type \"Approved\"", (string?)why["message"], StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("kubernetes.io/kube-apiserver-client", "CN=jane", "\"server auth\"", "invalid usage for client certificate: server auth")]
    [InlineData("kubernetes.io/kube-apiserver-client-kubelet", "CN=system:node:n1", "\"digital signature\",\"client auth\"", "subject organization is not system:nodes")]
    [InlineData("kubernetes.io/kubelet-serving", "O=system:nodes, CN=system:node:n1", "\"digital signature\",\"server auth\"", "at least one DNS or IP subjectAltName is required")]
    public async Task Approved_ButNotWhatTheSignerSigns_Fails(string signer, string subject, string usages, string why)
    {
        await using var cluster = await IdentityCluster.StartAsync();
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var made = (await cluster.AdminAsync(HttpMethod.Post, Requests, Json("bad", Request(new CertificateRequest(subject, key, HashAlgorithmName.SHA256)), signer, "", usages))).Body;
        made["status"] = JsonNode.Parse("""{"conditions":[{"type":"Approved","status":"True"}]}""");

        Assert.Equal(200, (await cluster.AdminAsync(HttpMethod.Put, Requests + "/bad/approval", made.ToJsonString())).Code);

        var failed = (await cluster.UntilAsync(Requests + "/bad", r => r["status"]!["conditions"]!.AsArray().Count == 2))["status"]!["conditions"]!.AsArray().Single(c => (string?)c!["type"] == "Failed")!;
        Assert.Equal("SignerValidationFailure", (string?)failed["reason"]);
        Assert.Equal(why, (string?)failed["message"]);
    }

    [Theory]
    [InlineData("kubernetes.io/legacy-unknown", "", "the legacy signerName is not allowed via this API version")]
    [InlineData("nodomain", "", "must be a fully qualified domain and path")]
    [InlineData("example.com/a", "\"expirationSeconds\":599,", "may not specify a duration less than 600 seconds (10 minutes)")]
    public async Task Create_WhatNoSignerTakes_IsInvalid(string signer, string more, string why)
    {
        await using var cluster = await IdentityCluster.StartAsync(controllers: false);
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);

        var (code, body) = await cluster.AdminAsync(HttpMethod.Post, Requests, Json("x", Request(new CertificateRequest("CN=x", key, HashAlgorithmName.SHA256)), signer, more));

        Assert.Equal(422, code);
        Assert.Contains(why, (string?)body["message"], StringComparison.Ordinal);
    }

    private static string Request(CertificateRequest request) => Convert.ToBase64String(Encoding.ASCII.GetBytes(request.CreateSigningRequestPem()));

    private static string Json(string name, string pem, string signer, string more = "", string usages = "\"digital signature\",\"client auth\"") =>
        $$"""{"apiVersion":"certificates.k8s.io/v1","kind":"CertificateSigningRequest","metadata":{"name":"{{name}}"},"spec":{"request":"{{pem}}","signerName":"{{signer}}",{{more}}"usages":[{{usages}}]} }""";
}
