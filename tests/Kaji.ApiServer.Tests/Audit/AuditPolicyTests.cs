using Kaji.ApiServer.Audit;
using Kaji.ApiServer.Authentication;
using Kaji.ApiServer.Requests;

namespace Kaji.ApiServer.Tests.Audit;

public sealed class AuditPolicyTests
{
    private const string Policy =
        """
        apiVersion: audit.k8s.io/v1
        kind: Policy
        omitStages: [RequestReceived]
        rules:
        - level: None
          users: ["system:kube-proxy"]
          verbs: [watch]
        - level: RequestResponse
          resources: [{group: "", resources: ["pods/exec", "*/status"]}]
        - level: Request
          namespaces: [kube-system]
          resources: [{group: "", resources: [configmaps], resourceNames: [special]}]
        - level: None
          nonResourceURLs: ["/healthz*", "/version"]
        - level: Metadata
        """;

    private static readonly UserInfo Anna = new("anna", ["system:authenticated"]);

    [Theory]
    [InlineData("watch", "services", "", "a", "x", "Metadata")]
    [InlineData("create", "pods", "exec", "a", "x", "RequestResponse")]
    [InlineData("update", "nodes", "status", "", "x", "RequestResponse")]
    [InlineData("get", "configmaps", "", "kube-system", "special", "Request")]
    [InlineData("get", "configmaps", "", "kube-system", "other", "Metadata")]
    [InlineData("get", "configmaps", "", "default", "special", "Metadata")]
    public void FirstRuleThatMatches_Decides(string verb, string resource, string subresource, string ns, string name, string level)
    {
        var info = new RequestInfo { IsResourceRequest = true, Path = "", Verb = verb, Version = "v1", Resource = resource, Subresource = subresource, Namespace = ns, Name = name };
        var rule = AuditPolicy.Parse(Policy).For(info, Anna)!;
        Assert.Equal((level, "RequestReceived"), (rule.Level.ToString(), rule.OmitStages.Single()));
    }

    [Fact]
    public void LevelNone_IsNoAudit()
    {
        var policy = AuditPolicy.Parse(Policy);
        Assert.Null(policy.For(new RequestInfo { IsResourceRequest = true, Path = "", Verb = "watch", Resource = "services" }, new UserInfo("system:kube-proxy", [])));
        Assert.Null(policy.For(new RequestInfo { Path = "/healthz/ping", Verb = "get" }, Anna));
        Assert.NotNull(policy.For(new RequestInfo { Path = "/metrics", Verb = "get" }, Anna));
    }

    [Theory]
    [InlineData("a: [", "line ")]
    [InlineData("kind: Policy\napiVersion: v1", "apiVersion and kind must be audit.k8s.io/v1 and Policy, not v1 and Policy")]
    [InlineData("kind: Policy\napiVersion: audit.k8s.io/v1", "rules: a policy needs at least one")]
    [InlineData("kind: Policy\napiVersion: audit.k8s.io/v1\nrules: [{level: Much}]", "rules[0].level: \"Much\" is no level: there are None, Metadata, Request, RequestResponse")]
    [InlineData("kind: Policy\napiVersion: audit.k8s.io/v1\nrules: [{level: None, verb: [get]}]", "rules[0]: unknown field \"verb\"")]
    [InlineData("kind: Policy\napiVersion: audit.k8s.io/v1\nomitStages: [Start]\nrules: [{level: None}]", "omitStages: \"Start\" is no stage: there are RequestReceived, ResponseStarted, ResponseComplete, Panic")]
    public void WhatIsNoPolicy_IsToldWithItsField(string yaml, string why) => Assert.Contains(why, Assert.Throws<FormatException>(() => AuditPolicy.Parse(yaml)).Message, StringComparison.Ordinal);
}
