namespace Kaji.Conformance.Admission;

/// <summary>Default requests and limits, and bounds.</summary>
public sealed class LimitRangeTests(ConformanceCluster cluster)
{
    private const string Range = """{"apiVersion":"v1","kind":"LimitRange","metadata":{"name":"r","labels":{"set":"SET"}},"spec":{"limits":[{"type":"Container","min":{"cpu":"50m","memory":"100Mi"},"max":{"cpu":"500m","memory":"500Mi"},"default":{"cpu":"500m","memory":"500Mi"},"defaultRequest":{"cpu":"100m","memory":"200Mi"}}]}}""";
    private readonly Api _api = cluster.Admin;

    [Fact]
    [ConformanceRow("[sig-scheduling] LimitRange should create a LimitRange with defaults and ensure pod has those defaults applied. [Conformance]")]
    public async Task Defaults_AreApplied_BoundsEnforced()
    {
        var ns = await cluster.NamespaceAsync();
        (await _api.PostAsync($"/api/v1/namespaces/{ns}/limitranges", Range)).Ok(201);
        var pods = $"/api/v1/namespaces/{ns}/pods";
        var made = (await _api.PostAsync(pods, Pod("defaulted", "{}"))).Ok(201).Json;
        Assert.Equal("""{"limits":{"cpu":"500m","memory":"500Mi"},"requests":{"cpu":"100m","memory":"200Mi"} }""", Sorted(made["spec"]!["containers"]![0]!["resources"]!));
        Assert.Equal("LimitRanger plugin set: cpu, memory request for container c; cpu, memory limit for container c", (string)made["metadata"]!["annotations"]!["kubernetes.io/limit-ranger"]!);
        (await _api.PostAsync(pods, Pod("partial", """{"requests":{"cpu":"200m"}}"""))).Ok(201);
        (await _api.PostAsync(pods, Pod("small", """{"requests":{"cpu":"10m"}}"""))).Refused(403, "pods \"small\" is forbidden: minimum cpu usage per Container is 50m, but request is 10m");
        (await _api.PostAsync(pods, Pod("big", """{"limits":{"cpu":"600m"}}"""))).Refused(403, "maximum cpu usage per Container is 500m, but limit is 600m");
        (await _api.PatchAsync($"/api/v1/namespaces/{ns}/limitranges/r", """[{"op":"replace","path":"/spec/limits/0/min/cpu","value":"9m"}]""", "application/json-patch+json")).Ok();
        (await _api.PostAsync(pods, Pod("small", """{"requests":{"cpu":"10m"}}"""))).Ok(201);
        (await _api.PostAsync($"/api/v1/namespaces/{ns}/limitranges", """{"apiVersion":"v1","kind":"LimitRange","metadata":{"name":"bad"},"spec":{"limits":[{"type":"Container","min":{"cpu":"2"},"max":{"cpu":"1"}}]}}"""))
            .Refused(422, "spec.limits[0].min[cpu]: Invalid value: \"2\": min value 2 is greater than max value 1");
    }

    [Fact]
    [ConformanceRow("[sig-scheduling] LimitRange should list, patch and delete a LimitRange by collection [Conformance]")]
    public async Task Lifecycle()
    {
        var ns = await cluster.NamespaceAsync();
        (await _api.PostAsync($"/api/v1/namespaces/{ns}/limitranges", Range.Replace("SET", ns, StringComparison.Ordinal))).Ok(201);
        Assert.Single((await _api.GetAsync($"/api/v1/limitranges?labelSelector=set%3D{ns}")).Ok().Json["items"]!.AsArray());
        (await _api.PatchAsync($"/api/v1/namespaces/{ns}/limitranges/r", """{"metadata":{"labels":{"patched":"true"}}}""")).Ok();
        (await _api.DeleteAsync($"/api/v1/namespaces/{ns}/limitranges?labelSelector=patched%3Dtrue")).Ok();
        Assert.Empty((await _api.GetAsync($"/api/v1/limitranges?labelSelector=set%3D{ns}")).Ok().Json["items"]!.AsArray());
    }

    private static string Sorted(System.Text.Json.Nodes.JsonNode resources) =>
        $$"""{"limits":{"cpu":"{{resources["limits"]!["cpu"]}}","memory":"{{resources["limits"]!["memory"]}}"},"requests":{"cpu":"{{resources["requests"]!["cpu"]}}","memory":"{{resources["requests"]!["memory"]}}"} }""";

    private static string Pod(string name, string resources) =>
        $$"""{"apiVersion":"v1","kind":"Pod","metadata":{"name":"{{name}}"},"spec":{"schedulerName":"none","containers":[{"name":"c","image":"registry.invalid/x","resources":{{resources}} }]} }""";
}
