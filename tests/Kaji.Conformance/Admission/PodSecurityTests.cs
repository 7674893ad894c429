namespace Kaji.Conformance.Admission;

/// <summary>Pod security by namespace labels, as a client meets it.</summary>
public sealed class PodSecurityTests(ConformanceCluster cluster)
{
    private readonly Api _api = cluster.Admin;

    [Fact]
    public async Task Labels_EnforceAndWarn()
    {
        var ns = await cluster.NamespaceAsync();
        var pods = $"/api/v1/namespaces/{ns}/pods";
        const string Privileged = """{"apiVersion":"v1","kind":"Pod","metadata":{"name":"p"},"spec":{"schedulerName":"none","containers":[{"name":"c","image":"registry.invalid/x","securityContext":{"privileged":true}}]}}""";
        (await _api.PostAsync(pods, Privileged)).Ok(201);
        var labelled = (await _api.PatchAsync($"/api/v1/namespaces/{ns}", """{"metadata":{"labels":{"pod-security.kubernetes.io/enforce":"baseline","pod-security.kubernetes.io/warn":"restricted"}}}""")).Ok();
        Assert.Contains(labelled.Warnings, w => w.Contains($"existing pods in namespace \\\"{ns}\\\" violate the new PodSecurity enforce level \\\"baseline:latest\\\"", StringComparison.Ordinal));
        Assert.Contains(labelled.Warnings, w => w.Contains("p: privileged", StringComparison.Ordinal));
        (await _api.PostAsync(pods, Privileged.Replace("\"p\"", "\"q\"", StringComparison.Ordinal))).Refused(403, "pods \"q\" is forbidden: violates PodSecurity \"baseline:latest\": privileged (container \"c\" must not set securityContext.privileged=true)");
        var plain = (await _api.PostAsync(pods, WebhookTests.Pod("plain"))).Ok(201);
        Assert.Contains(plain.Warnings, w => w.Contains("would violate PodSecurity \\\"restricted:latest\\\": allowPrivilegeEscalation != false", StringComparison.Ordinal));
        var deployment = (await _api.PostAsync($"/apis/apps/v1/namespaces/{ns}/deployments", """{"apiVersion":"apps/v1","kind":"Deployment","metadata":{"name":"d"},"spec":{"replicas":0,"selector":{"matchLabels":{"a":"b"}},"template":{"metadata":{"labels":{"a":"b"}},"spec":{"hostNetwork":true,"containers":[{"name":"c","image":"x"}]}}}}""")).Ok(201);
        Assert.Contains(deployment.Warnings, w => w.Contains("host namespaces (hostNetwork=true)", StringComparison.Ordinal));
        (await _api.PatchAsync($"/api/v1/namespaces/{ns}", """{"metadata":{"labels":{"pod-security.kubernetes.io/enforce":"strict"}}}""")).Refused(422, "must be one of privileged, baseline, restricted");
    }
}
