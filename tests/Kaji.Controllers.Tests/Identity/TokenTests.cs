using System.Buffers.Text;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json.Nodes;
using Kaji.ApiServer.Authentication;

namespace Kaji.Controllers.Tests.Identity;

public sealed class TokenTests
{
    private const string Secrets = "/api/v1/namespaces/kube-system/secrets";
    private const string Map = "/api/v1/namespaces/kube-public/configmaps/cluster-info";

    [Fact]
    public async Task BootstrapToken_IsWhoItSays_AndSignsClusterInfo()
    {
        await using var cluster = await IdentityCluster.StartAsync();
        Assert.Equal(201, (await cluster.AdminAsync(HttpMethod.Post, Secrets, Bootstrap("abcdef", "0123456789abcdef", "\"expiration\":\"2999-01-01T00:00:00Z\",\"auth-extra-groups\":\"system:bootstrappers:kubeadm:default-node-token\","))).Code);

        var user = await cluster.OfTokenAsync("abcdef.0123456789abcdef");

        Assert.Equal("system:bootstrap:abcdef", user?.Name);
        Assert.Equal(["system:bootstrappers", "system:bootstrappers:kubeadm:default-node-token", "system:authenticated"], user!.Groups);
        Assert.Null(await cluster.OfTokenAsync("abcdef.0123456789abcdee"));
        var data = (await cluster.UntilAsync(Map, m => m["data"]?["jws-kubeconfig-abcdef"] is not null))["data"]!;
        var (content, parts) = ((string)data["kubeconfig"]!, ((string)data["jws-kubeconfig-abcdef"]!).Split('.'));
        Assert.Contains("server: https://10.0.0.1:6443", content, StringComparison.Ordinal);
        Assert.Equal("", parts[1]);
        var signed = Encoding.ASCII.GetBytes($"{parts[0]}.{Base64Url.EncodeToString(Encoding.UTF8.GetBytes(content))}");
        Assert.Equal(Base64Url.EncodeToString(HMACSHA256.HashData("0123456789abcdef"u8, signed)), parts[2]);

        // Anyone may read it, whom it is signed for.
        var (code, _) = await IdentityCluster.CallAsync(cluster.ClientOf(UserInfo.Anonymous), HttpMethod.Get, Map);
        Assert.Equal(200, code);
        await cluster.AdminAsync(HttpMethod.Delete, Secrets + "/bootstrap-token-abcdef");
        await cluster.UntilAsync(Map, m => m["data"]!["jws-kubeconfig-abcdef"] is null);
    }

    [Fact]
    public async Task BootstrapToken_Expired_IsRefusedAndDeleted()
    {
        await using var quiet = await IdentityCluster.StartAsync(controllers: false);
        await quiet.AdminAsync(HttpMethod.Post, Secrets, Bootstrap("aaaaaa", "0123456789abcdef", "\"expiration\":\"2001-01-01T00:00:00Z\","));
        Assert.Null(await quiet.OfTokenAsync("aaaaaa.0123456789abcdef"));

        await using var cluster = await IdentityCluster.StartAsync();
        await cluster.AdminAsync(HttpMethod.Post, Secrets, Bootstrap("aaaaaa", "0123456789abcdef", "\"expiration\":\"2001-01-01T00:00:00Z\","));
        await cluster.UntilAsync(Secrets + "/bootstrap-token-aaaaaa", s => (int?)s["code"] == 404);
    }

    [Fact]
    public async Task SecretOfAnAccount_IsFilled_AndItsTokenEndsWithIt()
    {
        await using var cluster = await IdentityCluster.StartAsync();
        const string Accounts = "/api/v1/namespaces/default/serviceaccounts";
        var uid = (string?)(await cluster.AdminAsync(HttpMethod.Post, Accounts, """{"apiVersion":"v1","kind":"ServiceAccount","metadata":{"name":"a"}}""")).Body["metadata"]!["uid"];
        await cluster.AdminAsync(HttpMethod.Post, "/api/v1/namespaces/default/secrets", """{"apiVersion":"v1","kind":"Secret","metadata":{"name":"s","annotations":{"kubernetes.io/service-account.name":"a"}},"type":"kubernetes.io/service-account-token"}""");

        var secret = await cluster.UntilAsync("/api/v1/namespaces/default/secrets/s", s => s["data"]?["token"] is not null);

        Assert.Equal(uid, (string?)secret["metadata"]!["annotations"]!["kubernetes.io/service-account.uid"]);
        var token = Encoding.ASCII.GetString(Convert.FromBase64String((string)secret["data"]!["token"]!));
        Assert.Equal("system:serviceaccount:default:a", (await cluster.OfTokenAsync(token))?.Name);
        var review = (await cluster.AdminAsync(HttpMethod.Post, "/apis/authentication.k8s.io/v1/tokenreviews", $$"""{"apiVersion":"authentication.k8s.io/v1","kind":"TokenReview","spec":{"token":"{{token}}"} }""")).Body;
        Assert.True((bool?)review["status"]!["authenticated"]);
        await cluster.AdminAsync(HttpMethod.Delete, Accounts + "/a");
        await cluster.UntilAsync("/api/v1/namespaces/default/secrets/s", s => (int?)s["code"] == 404);
        Assert.Null(await cluster.OfTokenAsync(token));
    }

    private static string Bootstrap(string id, string secret, string more) =>
        $$"""{"apiVersion":"v1","kind":"Secret","metadata":{"name":"bootstrap-token-{{id}}"},"type":"bootstrap.kubernetes.io/token","stringData":{ {{more}}"token-id":"{{id}}","token-secret":"{{secret}}","usage-bootstrap-authentication":"true","usage-bootstrap-signing":"true"} }""";
}

public sealed class DefaultRoleTests
{
    private const string Role = "/apis/rbac.authorization.k8s.io/v1/clusterroles/system:node-bootstrapper";

    [Fact]
    public async Task Start_PutsBackWhatIsMissing_AndKeepsWhatWasAdded_UnlessToldNotTo()
    {
        await using var cluster = await IdentityCluster.StartAsync(controllers: false);
        const string Own = """[{"verbs":["get"],"apiGroups":[""],"resources":["pods"]}]""";
        await cluster.AdminAsync(HttpMethod.Patch, Role, $$"""{"rules":{{Own}} }""", "application/merge-patch+json");
        await cluster.BootstrapAsync();
        var rules = (await cluster.AdminAsync(HttpMethod.Get, Role)).Body["rules"]!.AsArray();
        Assert.Equal(["pods", "certificatesigningrequests"], rules.Select(r => (string?)r!["resources"]![0]));

        await cluster.AdminAsync(HttpMethod.Patch, Role, $$"""{"metadata":{"annotations":{"rbac.authorization.kubernetes.io/autoupdate":"false"} },"rules":{{Own}} }""", "application/merge-patch+json");
        await cluster.BootstrapAsync();
        Assert.Single((await cluster.AdminAsync(HttpMethod.Get, Role)).Body["rules"]!.AsArray());
    }

    [Fact]
    public async Task AccessReview_MalformedSelector_IsInvalid_AndAnotherNamespaceIsRefused()
    {
        await using var cluster = await IdentityCluster.StartAsync(controllers: false);
        var (code, body) = await cluster.AdminAsync(HttpMethod.Post, "/apis/authorization.k8s.io/v1/subjectaccessreviews", """{"apiVersion":"authorization.k8s.io/v1","kind":"SubjectAccessReview","spec":{"user":"u","resourceAttributes":{"verb":"list","resource":"pods","labelSelector":{"requirements":[{"key":"a","operator":"In"}]}}}}""");
        Assert.Equal(422, code);
        Assert.Contains("spec.resourceAttributes.labelSelector.requirements[0].values: Required value: must be specified when `operator` is 'In' or 'NotIn'", (string?)body["message"], StringComparison.Ordinal);
        (code, _) = await cluster.AdminAsync(HttpMethod.Post, "/apis/authorization.k8s.io/v1/namespaces/default/localsubjectaccessreviews", """{"apiVersion":"authorization.k8s.io/v1","kind":"LocalSubjectAccessReview","spec":{"user":"u","resourceAttributes":{"namespace":"other","verb":"list","resource":"pods"}}}""");
        Assert.Equal(400, code);
    }
}
