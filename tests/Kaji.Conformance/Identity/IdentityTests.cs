using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using System.Text.Json.Nodes;

namespace Kaji.Conformance.Identity;

/// <summary>Who somebody is: certificates asked for and approved, tokens of nodes that join, of Secrets, and of the front proxy.</summary>
public sealed class IdentityTests(ConformanceCluster cluster)
{
    private const string Requests = "/apis/certificates.k8s.io/v1/certificatesigningrequests";
    private const string Whoami = "/apis/authentication.k8s.io/v1/selfsubjectreviews";
    private const string ReviewBody = """{"apiVersion":"authentication.k8s.io/v1","kind":"SelfSubjectReview"}""";
    private readonly Api _api = cluster.Admin;

    [Theory]
    [InlineData("kubectl-1.32")]
    [InlineData("kubectl-1.35")]
    public async Task Request_ApprovedWithKubectl_BecomesACertificateThatWorks(string kubectl)
    {
        var name = "anna-" + kubectl.Replace('.', '-');
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        (await _api.PostAsync(Requests, Request(name, key, "CN=anna, O=traders", "kubernetes.io/kube-apiserver-client", ",\"expirationSeconds\":3600"))).Ok(201);
        var (code, output) = await ConformanceCluster.RunAsync(Path.Combine(ConformanceCluster.Clients, kubectl), null, "--kubeconfig", cluster.Kubeconfig, "certificate", "approve", name);
        Assert.True(code == 0, output);
        var issued = await IssuedAsync(name);
        Assert.InRange(issued.NotAfter.ToUniversalTime() - TimeProvider.System.GetUtcNow().UtcDateTime, TimeSpan.FromMinutes(50), TimeSpan.FromMinutes(61));
        using var http = WithCertificate(issued, key);
        var who = (await new Api(http).PostAsync(Whoami, ReviewBody)).Ok(201).Json["status"]!["userInfo"]!;
        Assert.Equal(("anna", "traders,system:authenticated"), ((string)who["username"]!, string.Join(',', who["groups"]!.AsArray().Select(g => (string)g!))));
        (_, output) = await cluster.KubectlAsync("get", "csr", name);
        Assert.Contains("Approved,Issued", output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Request_ThatIsDenied_OrThatTheSignerRefuses_IsNotSigned()
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        (await _api.PostAsync(Requests, Request("denied", key, "CN=x", "kubernetes.io/kube-apiserver-client"))).Ok(201);
        var (code, output) = await cluster.KubectlAsync("certificate", "deny", "denied");
        Assert.True(code == 0, output);
        (_, output) = await cluster.KubectlAsync("get", "csr", "denied");
        Assert.Contains("Denied", output, StringComparison.Ordinal);

        (await _api.PostAsync(Requests, Request("wrong", key, "CN=x, O=y", "kubernetes.io/kube-apiserver-client-kubelet"))).Ok(201);
        (code, output) = await cluster.KubectlAsync("certificate", "approve", "wrong");
        Assert.True(code == 0, output);
        var failed = await _api.UntilAsync($"{Requests}/wrong", a => a.Json["status"]?["conditions"]?.AsArray().Any(c => (string)c!["type"]! == "Failed") == true);
        Assert.Contains("SignerValidationFailure", failed.Text, StringComparison.Ordinal);
        (await _api.PostAsync(Requests, Request("masters", key, "CN=x, O=system:masters", "kubernetes.io/kube-apiserver-client"))).Refused(403, "system:masters group is not allowed");
    }

    [Fact]
    public async Task NodeWithABootstrapToken_GetsItsCertificate_WithoutAnybodysApproval()
    {
        var token = (await cluster.KajiAsync("token", "create", "--ttl", "1", "--description", "for a test")).Trim();
        Assert.Matches("^[a-z0-9]{6}\\.[a-z0-9]{16}$", token);
        Assert.Contains("for a test", await cluster.KajiAsync("token", "list"), StringComparison.Ordinal);
        using var http = cluster.ConnectAs(token);
        var joining = new Api(http);
        var who = (await joining.PostAsync(Whoami, ReviewBody)).Ok(201).Json["status"]!["userInfo"]!;
        Assert.Equal("system:bootstrap:" + token[..6], (string)who["username"]!);
        (await joining.GetAsync("/api/v1/namespaces/kube-system/secrets")).Refused(403);

        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        (await joining.PostAsync(Requests, Request("node-csr", key, "CN=system:node:joined, O=system:nodes", "kubernetes.io/kube-apiserver-client-kubelet"))).Ok(201);
        using var node = WithCertificate(await IssuedAsync("node-csr"), key);
        Assert.Equal("system:node:joined", (string)(await new Api(node).PostAsync(Whoami, ReviewBody)).Ok(201).Json["status"]!["userInfo"]!["username"]!);

        var info = await _api.UntilAsync("/api/v1/namespaces/kube-public/configmaps/cluster-info", a => a.Ok().Json["data"]!["jws-kubeconfig-" + token[..6]] is not null);
        Assert.Contains("certificate-authority-data", (string)info.Json["data"]!["kubeconfig"]!, StringComparison.Ordinal);
        await cluster.KajiAsync("token", "delete", token[..6]);
        (await joining.PostAsync(Whoami, ReviewBody)).Refused(401);
    }

    [Fact]
    public async Task SecretOfAnAccount_IsFilled_AndItsTokenIsGoodAsLongAsItIsThere()
    {
        var ns = await cluster.NamespaceAsync();
        (await _api.PostAsync($"/api/v1/namespaces/{ns}/secrets", """{"metadata":{"name":"legacy","annotations":{"kubernetes.io/service-account.name":"default"}},"type":"kubernetes.io/service-account-token"}""")).Ok(201);
        var secret = await _api.UntilAsync($"/api/v1/namespaces/{ns}/secrets/legacy", a => a.Ok().Json["data"]?["token"] is not null);
        using var http = cluster.ConnectAs(Encoding.UTF8.GetString(Convert.FromBase64String((string)secret.Json["data"]!["token"]!)));
        var account = new Api(http);
        Assert.Equal($"system:serviceaccount:{ns}:default", (string)(await account.PostAsync(Whoami, ReviewBody)).Ok(201).Json["status"]!["userInfo"]!["username"]!);
        (await _api.DeleteAsync($"/api/v1/namespaces/{ns}/secrets/legacy")).Ok();
        (await account.PostAsync(Whoami, ReviewBody)).Refused(401);
    }

    [Fact]
    public async Task FrontProxy_IsBelieved_OthersAreNot()
    {
        using var proxy = X509Certificate2.CreateFromPemFile(Path.Combine(cluster.Data, "pki", "front-proxy-client.crt"), Path.Combine(cluster.Data, "pki", "front-proxy-client.key"));
        using var http = cluster.ConnectWith(proxy);
        http.DefaultRequestHeaders.Add("X-Remote-User", "proxied");
        http.DefaultRequestHeaders.Add("X-Remote-Group", "friends");
        http.DefaultRequestHeaders.Add("X-Remote-Extra-Scopes", "a");
        var who = (await new Api(http).PostAsync(Whoami, ReviewBody)).Ok(201).Json["status"]!["userInfo"]!;
        Assert.Equal(("proxied", "friends", "a"), ((string)who["username"]!, (string)who["groups"]![0]!, (string)who["extra"]!["scopes"]![0]!));
        http.DefaultRequestHeaders.Remove("X-Remote-User");
        (await new Api(http).PostAsync(Whoami, ReviewBody)).Refused(401);
        using var admin = cluster.Connect(c => c.DefaultRequestHeaders.Add("X-Remote-User", "proxied"));
        Assert.Equal("kubernetes-admin", (string)(await new Api(admin).PostAsync(Whoami, ReviewBody)).Ok(201).Json["status"]!["userInfo"]!["username"]!);
    }

    private static string Request(string name, ECDsa key, string subject, string signer, string more = "")
    {
        var pem = new CertificateRequest(subject, key, HashAlgorithmName.SHA256).CreateSigningRequestPem();
        return $$$"""{"metadata":{"name":"{{{name}}}"},"spec":{"request":"{{{Convert.ToBase64String(Encoding.ASCII.GetBytes(pem))}}}","signerName":"{{{signer}}}","usages":["digital signature","client auth"]{{{more}}}}}""";
    }

    private async Task<X509Certificate2> IssuedAsync(string name)
    {
        var request = await _api.UntilAsync($"{Requests}/{name}", a => a.Json["status"]?["certificate"] is not null);
        return X509Certificate2.CreateFromPem(Encoding.ASCII.GetString(Convert.FromBase64String((string)request.Json["status"]!["certificate"]!)));
    }

    private HttpClient WithCertificate(X509Certificate2 issued, ECDsa key) => cluster.ConnectWith(issued.CopyWithPrivateKey(key));
}
