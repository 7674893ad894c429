using System.Text.Json.Nodes;

namespace Kaji.Conformance.Machinery;

/// <summary>Rows about ServiceAccounts, tokens and reviews.</summary>
public sealed class IdentityTests(ConformanceCluster cluster)
{
    [Fact]
    [ConformanceRow("[sig-auth] ServiceAccounts should allow opting out of API token automount [Conformance]")]
    public async Task Automount_ThePodDecidesBeforeTheAccount()
    {
        var api = cluster.Admin;
        var ns = $"/api/v1/namespaces/{await cluster.NamespaceAsync()}";
        foreach (var account in (bool?[])[null, true, false])
        {
            (await api.PostAsync($"{ns}/serviceaccounts", $$$"""{"metadata":{"name":"sa-{{{Word(account)}}}"}{{{Field(account)}}} }""")).Ok(201);
            foreach (var pod in (bool?[])[null, true, false])
            {
                var made = (await api.PostAsync(
                    $"{ns}/pods?dryRun=All",
                    ObjectTests.Pod("p", $"\"serviceAccountName\":\"sa-{Word(account)}\"{Field(pod)}", """{"name":"c","image":"i"}"""))).Ok(201).Json;
                var mounted = made["spec"]!["containers"]![0]!["volumeMounts"]?.AsArray().Any(m => (string)m!["mountPath"]! == "/var/run/secrets/kubernetes.io/serviceaccount") == true;
                Assert.True((pod ?? account ?? true) == mounted, $"account {Word(account)}, pod {Word(pod)}: mounted {mounted}");
            }
        }

        static string Word(bool? value) => value switch { null => "default", true => "mount", false => "nomount" };

        static string Field(bool? value) => value is { } said ? $",\"automountServiceAccountToken\":{(said ? "true" : "false")}" : "";
    }

    [Fact]
    [ConformanceRow("[sig-auth] ServiceAccounts should create a serviceAccountToken and ensure a successful TokenReview [Conformance]")]
    public async Task Token_IsReviewedAsItsAccount()
    {
        var api = cluster.Admin;
        var ns = await cluster.NamespaceAsync();
        var made = (await api.PostAsync($"/api/v1/namespaces/{ns}/serviceaccounts/default/token", """{"apiVersion":"authentication.k8s.io/v1","kind":"TokenRequest","spec":{"expirationSeconds":600}}""")).Ok(201).Json;
        var token = (string)made["status"]!["token"]!;
        var review = (await api.PostAsync("/apis/authentication.k8s.io/v1/tokenreviews", $$$"""{"apiVersion":"authentication.k8s.io/v1","kind":"TokenReview","spec":{"token":"{{{token}}}"} }""")).Ok(201).Json;
        Assert.True((bool)review["status"]!["authenticated"]!);
        Assert.Equal($"system:serviceaccount:{ns}:default", (string)review["status"]!["user"]!["username"]!);
        using var asAccount = new Api(cluster.ConnectAs(token));
        var self = (await asAccount.PostAsync("/apis/authentication.k8s.io/v1/selfsubjectreviews", """{"apiVersion":"authentication.k8s.io/v1","kind":"SelfSubjectReview"}""")).Ok(201).Json;
        Assert.Equal($"system:serviceaccount:{ns}:default", (string)self["status"]!["userInfo"]!["username"]!);
        using var broken = new Api(cluster.ConnectAs(token + "x"));
        (await broken.GetAsync("/api/v1/namespaces")).Refused(401);
        using var nobody = new Api(cluster.ConnectAs(null));
        (await nobody.GetAsync("/api/v1/namespaces")).Refused(401);
    }

    [Fact]
    [ConformanceRow("[sig-auth] SubjectReview should support SubjectReview API operations [Conformance]")]
    public async Task Reviews_AnswerWhatTheAccountReallyMay()
    {
        var ns = await cluster.NamespaceAsync();
        var (user, api) = ($"system:serviceaccount:{ns}:e2e", cluster.Admin);
        (await api.PostAsync($"/api/v1/namespaces/{ns}/serviceaccounts", """{"metadata":{"name":"e2e"}}""")).Ok(201);
        (await api.PostAsync($"/apis/rbac.authorization.k8s.io/v1/namespaces/{ns}/roles", """{"metadata":{"name":"lister"},"rules":[{"apiGroups":[""],"resources":["configmaps"],"verbs":["list"]}]}""")).Ok(201);
        (await api.PostAsync(
            $"/apis/rbac.authorization.k8s.io/v1/namespaces/{ns}/rolebindings",
            $$$"""{"metadata":{"name":"lists"},"roleRef":{"apiGroup":"rbac.authorization.k8s.io","kind":"Role","name":"lister"},"subjects":[{"kind":"ServiceAccount","name":"e2e","namespace":"{{{ns}}}"}] }""")).Ok(201);
        using var asUser = new Api(cluster.Connect(c => c.DefaultRequestHeaders.Add("Impersonate-User", user)));
        foreach (var (verb, allowed) in ((string, bool)[])[("list", true), ("delete", false)])
        {
            var attributes = $$$"""{"namespace":"{{{ns}}}","verb":"{{{verb}}}","resource":"configmaps","version":"v1"}""";
            var whole = (await api.PostAsync("/apis/authorization.k8s.io/v1/subjectaccessreviews", Review("SubjectAccessReview", "", attributes, user))).Ok(201).Json;
            Assert.Equal(allowed, (bool)whole["status"]!["allowed"]!);
            var local = (await api.PostAsync($"/apis/authorization.k8s.io/v1/namespaces/{ns}/localsubjectaccessreviews", Review("LocalSubjectAccessReview", ns, attributes, user))).Ok(201).Json;
            Assert.Equal(allowed, (bool)local["status"]!["allowed"]!);
        }

        (await asUser.GetAsync($"/api/v1/namespaces/{ns}/configmaps")).Ok();
        (await asUser.DeleteAsync($"/api/v1/namespaces/{ns}/configmaps/x")).Refused(403, "cannot delete resource");
    }

    private static string Review(string kind, string ns, string attributes, string user)
    {
        var review = new JsonObject
        {
            ["apiVersion"] = "authorization.k8s.io/v1", ["kind"] = kind, ["metadata"] = ns.Length > 0 ? new JsonObject { ["namespace"] = ns } : [],
            ["spec"] = new JsonObject { ["resourceAttributes"] = JsonNode.Parse(attributes), ["user"] = user },
        };
        return review.ToJsonString();
    }
}
