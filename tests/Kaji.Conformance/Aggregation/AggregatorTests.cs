using System.Text.Json.Nodes;

namespace Kaji.Conformance.Aggregation;

/// <summary>Rows about API servers behind this one.</summary>
public sealed class AggregatorTests(ConformanceCluster cluster)
{
    private const string Services = "/apis/apiregistration.k8s.io/v1/apiservices";
    private const string Name = "v1alpha1." + SampleApiServer.Group;
    private readonly Api _api = cluster.Admin;

    [Fact]
    [ConformanceRow("[sig-api-machinery] Aggregator Should be able to support the 1.17 Sample API Server using the current Aggregator [LinuxOnly] [Conformance]")]
    public async Task SampleServer_IsServedThroughThisOne()
    {
        var ns = await cluster.NamespaceAsync();
        var authentication = (await _api.GetAsync("/api/v1/namespaces/kube-system/configmaps/extension-apiserver-authentication")).Ok().Json["data"]!;
        await using var sample = await SampleApiServer.StartAsync($"sample-api.{ns}.svc", (string)authentication["requestheader-client-ca-file"]!);
        var flunders = $"/apis/{SampleApiServer.Group}/v1alpha1/namespaces/{ns}/flunders";

        (await _api.PostAsync(Services, ServiceJson(ns, sample.CaBundle))).Ok(201);
        try
        {
            await ConditionAsync("False", "ServiceNotFound");
            (await _api.GetAsync(flunders)).Refused(503, $"{ns}/sample-api");
            (await _api.PostAsync($"/api/v1/namespaces/{ns}/services", """{"metadata":{"name":"sample-api"},"spec":{"ports":[{"name":"https","port":7443}]}}""")).Ok(201);
            await ConditionAsync("False", "MissingEndpoints");
            var address = (string)(await _api.GetAsync("/api/v1/nodes")).Ok().Json["items"]!.AsArray().SelectMany(n => n!["status"]?["addresses"]?.AsArray() ?? []).First(a => (string)a!["type"]! == "InternalIP")!["address"]!;
            (await _api.PostAsync($"/apis/discovery.k8s.io/v1/namespaces/{ns}/endpointslices",
                $$"""{"metadata":{"name":"sample","labels":{"kubernetes.io/service-name":"sample-api"} },"addressType":"IPv4","endpoints":[{"addresses":["{{address}}"]}],"ports":[{"name":"https","port":{{sample.Port}} }]}""")).Ok(201);
            await ConditionAsync("True", "Passed");

            Assert.Equal("FlunderList", (string)(await _api.GetAsync(flunders)).Ok().Json["kind"]!);
            (await _api.PostAsync(flunders, """{"apiVersion":"wardle.example.com/v1alpha1","kind":"Flunder","metadata":{"name":"rest-flunder"},"spec":{}}""")).Ok(201);
            Assert.StartsWith("POST kubernetes-admin system:masters", sample.Askers.Single(a => a.StartsWith("POST", StringComparison.Ordinal)), StringComparison.Ordinal);
            var (code, output) = await cluster.KubectlWithInputAsync("""{"apiVersion":"wardle.example.com/v1alpha1","kind":"Flunder","metadata":{"name":"kubectl-flunder"},"spec":{}}""", "-n", ns, "create", "--validate=false", "-f", "-");
            Assert.True(code == 0, output);
            Assert.Contains("kubectl-flunder", (await _api.GetAsync(flunders + "/kubectl-flunder")).Ok().Text, StringComparison.Ordinal);
            Assert.Equal(2, (await _api.GetAsync(flunders + "?watch=1&timeoutSeconds=1")).Ok().Text.Split('\n', StringSplitOptions.RemoveEmptyEntries).Length);
            (code, output) = await cluster.KubectlWithInputAsync("", "-n", ns, "get", "flunders", "-o", "name");
            Assert.Equal(["flunder.wardle.example.com/kubectl-flunder", "flunder.wardle.example.com/rest-flunder"], output.Split('\n', StringSplitOptions.RemoveEmptyEntries).Order(StringComparer.Ordinal));
            (await _api.DeleteAsync(flunders + "/rest-flunder")).Ok();
            (await _api.GetAsync(flunders + "/rest-flunder")).Refused(404);

            await DiscoveryAsync();
            await StatusAsync();
        }
        finally
        {
            await _api.DeleteAsync($"{Services}?labelSelector=sample%3Dyes");
        }

        (await _api.GetAsync($"{Services}/{Name}")).Refused(404);
        (await _api.GetAsync($"/apis/{SampleApiServer.Group}/v1alpha1")).Refused(404);
        Assert.DoesNotContain(SampleApiServer.Group, (await _api.GetAsync("/apis")).Ok().Text, StringComparison.Ordinal);
    }

    [Fact]
    public async Task WhatThisServerAnswersItself_IsLocal()
    {
        await _api.UntilAsync($"{Services}/v1.apps", a => a.Code == 200 && (string?)a.Json["status"]?["conditions"]?[0]?["reason"] == "Local");
        var (_, table) = await cluster.KubectlWithInputAsync("", "get", "apiservices", "v1.apps");
        Assert.Matches(@"v1\.apps +Local +True", table);
    }

    private static string ServiceJson(string ns, string caBundle) =>
        $$$"""{"metadata":{"name":"{{{Name}}}","labels":{"sample":"yes"}},"spec":{"group":"{{{SampleApiServer.Group}}}","version":"v1alpha1","service":{"namespace":"{{{ns}}}","name":"sample-api","port":7443},"groupPriorityMinimum":2000,"versionPriority":200,"caBundle":"{{{caBundle}}}"}}""";

    private async Task DiscoveryAsync()
    {
        Assert.Equal(Name.Split('.')[0], (string)(await _api.GetAsync("/apis/" + SampleApiServer.Group)).Ok().Json["preferredVersion"]!["version"]!);
        Assert.Contains("flunders/status", (await _api.GetAsync($"/apis/{SampleApiServer.Group}/v1alpha1")).Ok().Text, StringComparison.Ordinal);
        var all = (await _api.GetAsync("/apis", "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList")).Ok().Json["items"]!.AsArray();
        var version = all.Single(g => (string)g!["metadata"]!["name"]! == SampleApiServer.Group)!["versions"]![0]!;
        Assert.Equal(("Current", "flunders", "status"), ((string)version["freshness"]!, (string)version["resources"]![0]!["resource"]!, (string)version["resources"]![0]!["subresources"]![0]!["subresource"]!));
        var url = (string)(await _api.GetAsync("/openapi/v3")).Ok().Json["paths"]![$"apis/{SampleApiServer.Group}/v1alpha1"]!["serverRelativeURL"]!;
        Assert.Contains("A flunder.", (await _api.GetAsync(url)).Ok().Text, StringComparison.Ordinal);
    }

    private async Task StatusAsync()
    {
        var path = $"{Services}/{Name}";
        (await _api.PatchAsync(path + "/status", """[{"op":"add","path":"/status/conditions/-","value":{"type":"StatusPatched","status":"True","reason":"E2E","message":"m","lastTransitionTime":"2026-01-01T00:00:00Z"}}]""", "application/json-patch+json")).Ok();
        await ConditionAsync("True", "Passed");
        Assert.Contains("StatusPatched", (await _api.GetAsync(path + "/status")).Ok().Text, StringComparison.Ordinal);
        Assert.Equal("yes", (string)(await _api.PatchAsync(path, """{"metadata":{"labels":{"patched":"yes"}},"spec":{"versionPriority":400}}""")).Ok().Json["metadata"]!["labels"]!["patched"]!);
        Assert.Contains((await _api.GetAsync(Services)).Ok().Json["items"]!.AsArray(), s => (string)s!["metadata"]!["name"]! == Name);
        Answer put;
        do
        {
            var whole = (await _api.GetAsync(path)).Ok().Json;
            Assert.Equal(400, (int)whole["spec"]!["versionPriority"]!);
            whole["metadata"]!["labels"]!["updated"] = "yes";
            put = await _api.PutAsync(path, whole.ToJsonString());
        }
        while (put.Code == 409);
        put.Ok();
    }

    private Task ConditionAsync(string status, string reason) => _api.UntilAsync($"{Services}/{Name}", a =>
        a.Ok().Json["status"]?["conditions"]?.AsArray().Any(c => ((string)c!["type"]!, (string)c["status"]!, (string)c["reason"]!) == ("Available", status, reason)) == true);
}
