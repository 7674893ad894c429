using System.Text.Json.Nodes;

namespace Kaji.Conformance.Machinery;

/// <summary>Rows about what particular objects may hold and how they may change.</summary>
public sealed class ObjectTests(ConformanceCluster cluster)
{
    private const string Container = """{"name":"c","image":"none/none:1","imagePullPolicy":"Never"}""";

    [Theory]
    [InlineData("configmaps", "\"data\":{\"\":\"value\"}")]
    [InlineData("secrets", "\"data\":{\"\":\"dmFsdWU=\"}")]
    [ConformanceRow("[sig-node] ConfigMap should fail to create ConfigMap with empty key [Conformance]")]
    [ConformanceRow("[sig-node] Secrets should fail to create secret due to empty secret key [Conformance]")]
    public async Task EmptyKey_IsRefused(string resource, string data)
    {
        var ns = await cluster.NamespaceAsync();
        var answer = await cluster.Admin.PostAsync($"/api/v1/namespaces/{ns}/{resource}", """{"metadata":{"name":"empty"},""" + data + "}");
        answer.Refused(422);
        Assert.Equal("Invalid", answer.Reason);
    }

    [Theory]
    [InlineData("configmaps", "b", "c")]
    [InlineData("secrets", "Yg==", "Yw==")]
    [ConformanceRow("[sig-storage] ConfigMap should be immutable if `immutable` field is set [Conformance]")]
    [ConformanceRow("[sig-storage] Secrets should be immutable if `immutable` field is set [Conformance]")]
    public async Task Immutable_StaysAsItIs(string resource, string value, string other)
    {
        var api = cluster.Admin;
        var collection = $"/api/v1/namespaces/{await cluster.NamespaceAsync()}/{resource}";
        var path = $"{collection}/one";
        (await api.PostAsync(collection, Data("\"name\":\"one\"", value))).Ok(201);
        (await api.PatchAsync(path, """{"immutable":true}""")).Ok();
        (await api.PatchAsync(path, $$$"""{"data":{"a":"{{{other}}}"} }""")).Refused(422, "field is immutable when `immutable` is set");
        (await api.PatchAsync(path, """{"immutable":false}""")).Refused(422, "immutable");
        (await api.PatchAsync(path, """{"immutable":null}""")).Refused(422, "immutable");
        (await api.PatchAsync(path, """{"metadata":{"labels":{"a":"b"}}}""")).Ok();
        (await api.DeleteAsync(path)).Ok();
    }

    [Fact]
    [ConformanceRow("[sig-api-machinery] Namespaces [Serial] should patch a Namespace [Conformance]")]
    [ConformanceRow("[sig-api-machinery] Namespaces [Serial] should apply an update to a Namespace [Conformance]")]
    [ConformanceRow("[sig-api-machinery] Namespaces [Serial] should apply changes to a namespace status [Conformance]")]
    public async Task Namespace_ChangesStick()
    {
        var api = cluster.Admin;
        var path = $"/api/v1/namespaces/{await cluster.NamespaceAsync()}";
        (await api.PatchAsync(path, """{"metadata":{"labels":{"testLabel":"testValue"}}}""", "application/strategic-merge-patch+json")).Ok();
        var ns = (await api.GetAsync(path)).Ok().Json;
        Assert.Equal("testValue", (string)ns["metadata"]!["labels"]!["testLabel"]!);
        ns["metadata"]!["labels"]!["updated"] = "yes";
        Assert.Equal("yes", (string)(await api.PutAsync(path, ns.ToJsonString())).Ok().Json["metadata"]!["labels"]!["updated"]!);

        var status = (await api.GetAsync(path + "/status")).Ok().Json;
        Assert.Equal("Active", (string)status["status"]!["phase"]!);
        const string Condition = """{"status":{"conditions":[{"type":"StatusPatch","status":"True","reason":"E2E","message":"Patched by an e2e test"}]}}""";
        Assert.Equal("StatusPatch", (string)(await api.PatchAsync(path + "/status", Condition)).Ok().Json["status"]!["conditions"]![0]!["type"]!);
        status = (await api.GetAsync(path + "/status")).Ok().Json;
        status["status"]!["conditions"]!.AsArray().Add((JsonNode)new JsonObject { ["type"] = "StatusUpdate", ["status"] = "True", ["reason"] = "E2E", ["message"] = "Updated" });
        Assert.Equal(2, (await api.PutAsync(path + "/status", status.ToJsonString())).Ok().Json["status"]!["conditions"]!.AsArray().Count);
    }

    [Fact]
    [ConformanceRow("[sig-node] Pods Extended Pods Set QOS Class should be set on Pods with matching resource requests and limits for memory and cpu [Conformance]")]
    public async Task Pod_WithEqualRequestsAndLimits_IsGuaranteed()
    {
        var ns = await cluster.NamespaceAsync();
        var pod = (await cluster.Admin.PostAsync(
            $"/api/v1/namespaces/{ns}/pods",
            Pod("qos", "\"schedulerName\":\"nobody\"", """{"name":"c","image":"x","resources":{"requests":{"cpu":"100m","memory":"100Mi"},"limits":{"cpu":"100m","memory":"100Mi"}}}"""))).Ok(201).Json;
        Assert.Equal("Guaranteed", (string)pod["status"]!["qosClass"]!);
    }

    [Fact]
    [ConformanceRow("[sig-node] Sysctls [LinuxOnly] [NodeConformance] should reject invalid sysctls [Conformance]")]
    public async Task Pod_WithMalformedSysctls_IsRefused_EachNamed()
    {
        var ns = await cluster.NamespaceAsync();
        var answer = await cluster.Admin.PostAsync(
            $"/api/v1/namespaces/{ns}/pods",
            Pod("sysctls", """ "securityContext":{"sysctls":[{"name":"foo-","value":"bar"},{"name":"kernel.shmmax","value":"100000000"},{"name":"safe-and-unsafe","value":"100000000"},{"name":"bar..","value":"42"}]}""", Container));
        answer.Refused(422, "spec.securityContext.sysctls[0].name: Invalid value: \"foo-\"").Refused(422, "spec.securityContext.sysctls[3].name: Invalid value: \"bar..\"");
        Assert.DoesNotContain("sysctls[1]", answer.Message!, StringComparison.Ordinal);
        Assert.DoesNotContain("sysctls[2]", answer.Message!, StringComparison.Ordinal);
    }

    [Fact]
    [ConformanceRow("[sig-storage] CSIInlineVolumes should support CSIVolumeSource in Pod API [Conformance]")]
    public async Task Pod_WithInlineCsiVolume_LivesInTheApi()
    {
        var api = cluster.Admin;
        var pods = $"/api/v1/namespaces/{await cluster.NamespaceAsync()}/pods";
        var made = (await api.PostAsync(pods, Pod("inline", """ "schedulerName":"nobody","volumes":[{"name":"v","csi":{"driver":"e2e.example.com","readOnly":true}}]""", Container))).Ok(201).Json;
        Assert.Equal("e2e.example.com", (string)made["spec"]!["volumes"]![0]!["csi"]!["driver"]!);
        (await api.GetAsync($"{pods}/inline")).Ok();
        Assert.Single((await api.GetAsync(pods)).Ok().Json["items"]!.AsArray());
        Assert.Equal("yes", (string)(await api.PatchAsync($"{pods}/inline", """{"metadata":{"annotations":{"patched":"yes"}}}""")).Ok().Json["metadata"]!["annotations"]!["patched"]!);
        (await api.DeleteAsync($"{pods}/inline", """{"gracePeriodSeconds":0}""")).Ok();
        await api.UntilAsync($"{pods}/inline", a => a.Code == 404);
    }

    [Fact]
    [ConformanceRow("[sig-network] Services should complete a service status lifecycle [Conformance]")]
    public async Task Service_StatusLifecycle()
    {
        var api = cluster.Admin;
        var services = $"/api/v1/namespaces/{await cluster.NamespaceAsync()}/services";
        await using var watch = await api.WatchAsync($"{services}?labelSelector=test-service-static%3Dtrue");
        (await api.PostAsync(
            services, """{"metadata":{"name":"s","labels":{"test-service-static":"true"}},"spec":{"type":"LoadBalancer","ports":[{"name":"http","protocol":"TCP","port":80,"targetPort":80}]}}""")).Ok(201);
        await watch.ExpectAsync("ADDED", "s");
        (await api.GetAsync($"{services}/s/status")).Ok();
        (await api.PatchAsync($"{services}/s/status", """{"metadata":{"annotations":{"patchedstatus":"true"}},"status":{"loadBalancer":{"ingress":[{"ip":"203.0.113.1"}]}}}""")).Ok();
        Assert.Equal("203.0.113.1", (string)(await watch.ExpectAsync("MODIFIED", "s"))["status"]!["loadBalancer"]!["ingress"]![0]!["ip"]!);
        var whole = (await api.GetAsync($"{services}/s/status")).Ok().Json;
        whole["status"]!["conditions"] = new JsonArray((JsonNode)new JsonObject { ["type"] = "StatusUpdate", ["status"] = "True", ["reason"] = "E2E", ["message"] = "Set from e2e test", ["lastTransitionTime"] = "2026-01-01T00:00:00Z" });
        (await api.PutAsync($"{services}/s/status", whole.ToJsonString())).Ok();
        Assert.Equal("StatusUpdate", (string)(await watch.ExpectAsync("MODIFIED", "s"))["status"]!["conditions"]![0]!["type"]!);
        (await api.PatchAsync($"{services}/s", """{"metadata":{"labels":{"test-service":"patched"}}}""")).Ok();
        await watch.ExpectAsync("MODIFIED", "s");
        (await api.DeleteAsync($"{services}/s")).Ok();
        await watch.ExpectAsync("DELETED", "s");
    }

    [Fact]
    [ConformanceRow("[sig-instrumentation] Events API should ensure that an event can be fetched, patched, deleted, and listed [Conformance]")]
    public async Task Event_Series()
    {
        var api = cluster.Admin;
        var events = $"/apis/events.k8s.io/v1/namespaces/{await cluster.NamespaceAsync()}/events";
        (await api.PostAsync(
            events,
            """
            {"metadata":{"name":"event-test","labels":{"testevent-constant":"true"}},"eventTime":"2026-01-01T00:00:00.000000Z","reportingController":"test-controller","reportingInstance":"test-node",
             "action":"Do","reason":"Test","type":"Normal","note":"This is event-test","regarding":{"namespace":"x"}}
            """.Replace("\"x\"", $"\"{events.Split('/')[5]}\"", StringComparison.Ordinal))).Ok(201);
        Assert.Single((await api.GetAsync($"{events}?fieldSelector=reportingController%3Dtest-controller")).Ok().Json["items"]!.AsArray());
        (await api.PatchAsync($"{events}/event-test", """{"note":"patched"}""", "application/strategic-merge-patch+json")).Ok();
        var read = (await api.GetAsync($"{events}/event-test")).Ok().Json;
        Assert.Equal("patched", (string)read["note"]!);
        read["series"] = new JsonObject { ["count"] = 100, ["lastObservedTime"] = "2026-01-01T00:00:01.000000Z" };
        Assert.Equal(100, (int)(await api.PutAsync($"{events}/event-test", read.ToJsonString())).Ok().Json["series"]!["count"]!);
        (await api.DeleteAsync($"{events}/event-test")).Ok();
        Assert.Empty((await api.GetAsync(events)).Ok().Json["items"]!.AsArray());
    }

    internal static string Pod(string name, string spec, string container) =>
        $$"""{"apiVersion":"v1","kind":"Pod","metadata":{"name":"{{name}}"},"spec":{ {{(spec.Length > 0 ? spec + "," : "")}}"containers":[{{container}}]} }""";

    private static string Data(string metadata, string value) => $$$"""{"metadata":{ {{{metadata}}} },"data":{"a":"{{{value}}}"} }""";
}
