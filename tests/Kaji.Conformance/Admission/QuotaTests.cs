using System.Text.Json.Nodes;

namespace Kaji.Conformance.Admission;

/// <summary>Quotas: admission adds, the controller takes away.</summary>
public sealed class QuotaTests(ConformanceCluster cluster)
{
    private const string Prefix = "[sig-api-machinery] ResourceQuota should ";
    private readonly Api _api = cluster.Admin;

    [Fact]
    [ConformanceRow(Prefix + "create a ResourceQuota and ensure its status is promptly calculated. [Conformance]")]
    [ConformanceRow(Prefix + "be able to update and delete ResourceQuota. [Conformance]")]
    public async Task Status_IsCalculated_AndFollowsUpdates()
    {
        var ns = await cluster.NamespaceAsync();
        await QuotaAsync(ns, """{"cpu":"1","memory":"500Mi","pods":"5","count/deployments.apps":"2"}""");
        var path = $"/api/v1/namespaces/{ns}/resourcequotas/q";
        await UsedAsync(ns, ("cpu", "0"), ("memory", "0"), ("pods", "0"), ("count/deployments.apps", "0"));
        var quota = (await _api.GetAsync(path)).Ok().Json;
        quota["spec"]!["hard"]!["cpu"] = "2";
        (await _api.PutAsync(path, quota.ToJsonString())).Ok();
        await _api.UntilAsync(path, a => (string?)a.Json["status"]!["hard"]?["cpu"] == "2");
        (await _api.DeleteAsync(path)).Ok();
        (await _api.GetAsync(path)).Refused(404);
    }

    [Theory]
    [InlineData("configmaps", "/api/v1/namespaces/{0}/configmaps", """{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"x"}}""", 1)]
    [InlineData("secrets", "/api/v1/namespaces/{0}/secrets", """{"apiVersion":"v1","kind":"Secret","metadata":{"name":"x"}}""", 0)]
    [InlineData("replicationcontrollers", "/api/v1/namespaces/{0}/replicationcontrollers", """{"apiVersion":"v1","kind":"ReplicationController","metadata":{"name":"x"},"spec":{"replicas":0,"selector":{"a":"b"},"template":{"metadata":{"labels":{"a":"b"}},"spec":{"containers":[{"name":"c","image":"x"}]}}}}""", 0)]
    [InlineData("count/replicasets.apps", "/apis/apps/v1/namespaces/{0}/replicasets", """{"apiVersion":"apps/v1","kind":"ReplicaSet","metadata":{"name":"x"},"spec":{"replicas":0,"selector":{"matchLabels":{"a":"b"}},"template":{"metadata":{"labels":{"a":"b"}},"spec":{"containers":[{"name":"c","image":"x"}]}}}}""", 0)]
    [ConformanceRow(Prefix + "create a ResourceQuota and capture the life of a configMap. [Conformance]")]
    [ConformanceRow(Prefix + "create a ResourceQuota and capture the life of a secret. [Conformance]")]
    [ConformanceRow(Prefix + "create a ResourceQuota and capture the life of a replication controller. [Conformance]")]
    [ConformanceRow(Prefix + "create a ResourceQuota and capture the life of a replica set. [Conformance]")]
    public async Task Counts_FollowTheLifeOfAnObject(string entry, string collection, string body, int already)
    {
        var ns = await cluster.NamespaceAsync();
        if (already > 0)
        {
            await _api.UntilAsync($"/api/v1/namespaces/{ns}/configmaps/kube-root-ca.crt", a => a.Code == 200);
        }

        await QuotaAsync(ns, $$"""{"{{entry}}":"{{already + 1}}"}""");
        await UsedAsync(ns, (entry, $"{already}"));
        var path = string.Format(System.Globalization.CultureInfo.InvariantCulture, collection, ns);
        (await _api.PostAsync(path, body)).Ok(201);
        await UsedAsync(ns, (entry, $"{already + 1}"));
        (await _api.PostAsync(path, body.Replace("\"x\"", "\"y\"", StringComparison.Ordinal))).Refused(403, $"exceeded quota: q, requested: {entry}=1, used: {entry}={already + 1}, limited: {entry}={already + 1}");
        (await _api.DeleteAsync($"{path}/x", """{"propagationPolicy":"Background"}""")).Ok();
        await UsedAsync(ns, (entry, $"{already}"));
    }

    [Fact]
    [ConformanceRow(Prefix + "create a ResourceQuota and capture the life of a pod. [Conformance]")]
    public async Task Pods_UseComputeResources()
    {
        var ns = await cluster.NamespaceAsync();
        await QuotaAsync(ns, """{"cpu":"1","memory":"500Mi","pods":"5","ephemeral-storage":"50Gi","requests.example.com/dongle":"3"}""");
        await UsedAsync(ns, ("pods", "0"), ("requests.example.com/dongle", "0"));
        var pods = $"/api/v1/namespaces/{ns}/pods";
        var sized = """{"cpu":"500m","memory":"252Mi","ephemeral-storage":"30Gi","example.com/dongle":"2"}""";
        (await _api.PostAsync(pods, Pod("fits", sized, limits: """{"example.com/dongle":"2"}"""))).Ok(201);
        await UsedAsync(ns, ("pods", "1"), ("cpu", "500m"), ("memory", "252Mi"), ("ephemeral-storage", "30Gi"), ("requests.example.com/dongle", "2"));
        (await _api.PostAsync(pods, Pod("too-big", """{"cpu":"600m","memory":"100Mi"}"""))).Refused(403, "exceeded quota: q, requested: cpu=600m, used: cpu=500m, limited: cpu=1");
        (await _api.PostAsync(pods, Pod("too-many", """{"cpu":"100m","memory":"10Mi","example.com/dongle":"2"}""", limits: """{"example.com/dongle":"2"}""")))
            .Refused(403, "exceeded quota: q, requested: requests.example.com/dongle=2, used: requests.example.com/dongle=2, limited: requests.example.com/dongle=3");
        (await _api.PostAsync(pods, Pod("silent", "{}"))).Refused(403, "failed quota: q: must specify cpu for: c; memory for: c");
        (await _api.PatchAsync($"{pods}/fits", """{"spec":{"containers":[{"name":"c","resources":{"requests":{"cpu":"100m"}}}]}}""", "application/strategic-merge-patch+json")).Refused(422);
        (await _api.DeleteAsync($"{pods}/fits", """{"gracePeriodSeconds":0}""")).Ok();
        await UsedAsync(ns, ("pods", "0"), ("cpu", "0"), ("memory", "0"), ("requests.example.com/dongle", "0"));
    }

    [Fact]
    [ConformanceRow(Prefix + "create a ResourceQuota and capture the life of a service. [Conformance]")]
    public async Task Services_NodePortsAndLoadBalancers()
    {
        var ns = await cluster.NamespaceAsync();
        await QuotaAsync(ns, """{"services":"2","services.nodeports":"1","services.loadbalancers":"1"}""");
        await UsedAsync(ns, ("services", "0"), ("services.nodeports", "0"), ("services.loadbalancers", "0"));
        var services = $"/api/v1/namespaces/{ns}/services";
        string Service(string name, string type) => $$"""{"apiVersion":"v1","kind":"Service","metadata":{"name":"{{name}}"},"spec":{"type":"{{type}}","ports":[{"port":80}]} }""";
        (await _api.PostAsync(services, Service("cluster", "ClusterIP"))).Ok(201);
        (await _api.PostAsync(services, Service("node", "NodePort"))).Ok(201);
        await UsedAsync(ns, ("services", "2"), ("services.nodeports", "1"), ("services.loadbalancers", "0"));
        (await _api.PostAsync(services, Service("balanced", "LoadBalancer"))).Refused(403, "exceeded quota: q, requested: services=1,services.nodeports=1, used: services=2,services.nodeports=1, limited: services=2,services.nodeports=1");
        (await _api.DeleteAsync($"{services}/cluster")).Ok();
        (await _api.DeleteAsync($"{services}/node")).Ok();
        await UsedAsync(ns, ("services", "0"), ("services.nodeports", "0"), ("services.loadbalancers", "0"));
    }

    [Theory]
    [InlineData("BestEffort", "NotBestEffort", "{}", """{"cpu":"100m","memory":"10Mi"}""", "", "")]
    [InlineData("Terminating", "NotTerminating", "{}", "{}", "\"activeDeadlineSeconds\":3600,", "")]
    [ConformanceRow("[sig-api-machinery] ResourceQuota should verify ResourceQuota with best effort scope. [Conformance]")]
    [ConformanceRow("[sig-api-machinery] ResourceQuota should verify ResourceQuota with terminating scopes. [Conformance]")]
    public async Task Scopes_CountMatchingPodsOnly(string scope, string opposite, string inScope, string outOfScope, string specIn, string specOut)
    {
        var ns = await cluster.NamespaceAsync();
        foreach (var (name, which) in ((string, string)[])[("q", scope), ("other", opposite)])
        {
            (await _api.PostAsync($"/api/v1/namespaces/{ns}/resourcequotas", $$"""{"apiVersion":"v1","kind":"ResourceQuota","metadata":{"name":"{{name}}"},"spec":{"hard":{"pods":"5"},"scopes":["{{which}}"]} }""")).Ok(201);
        }

        await UsedAsync(ns, ("pods", "0"));
        await UsedAsync(ns, "other", ("pods", "0"));
        (await _api.PostAsync($"/api/v1/namespaces/{ns}/pods", Pod("in", inScope, specIn))).Ok(201);
        await UsedAsync(ns, ("pods", "1"));
        await UsedAsync(ns, "other", ("pods", "0"));
        (await _api.PostAsync($"/api/v1/namespaces/{ns}/pods", Pod("out", outOfScope, specOut))).Ok(201);
        await UsedAsync(ns, "other", ("pods", "1"));
        await UsedAsync(ns, ("pods", "1"));
        (await _api.DeleteAsync($"/api/v1/namespaces/{ns}/pods/in", """{"gracePeriodSeconds":0}""")).Ok();
        await UsedAsync(ns, ("pods", "0"));
        await UsedAsync(ns, "other", ("pods", "1"));
    }

    [Fact]
    [ConformanceRow(Prefix + "manage the lifecycle of a ResourceQuota [Conformance]")]
    public async Task Lifecycle()
    {
        var ns = await cluster.NamespaceAsync();
        (await _api.PostAsync($"/api/v1/namespaces/{ns}/resourcequotas", $$"""{"apiVersion":"v1","kind":"ResourceQuota","metadata":{"name":"q","labels":{"set":"{{ns}}"} },"spec":{"hard":{"pods":"1"} } }""")).Ok(201);
        Assert.Single((await _api.GetAsync($"/api/v1/resourcequotas?labelSelector=set%3D{ns}")).Ok().Json["items"]!.AsArray());
        Assert.Equal("2", (string)(await _api.PatchAsync($"/api/v1/namespaces/{ns}/resourcequotas/q", """{"spec":{"hard":{"pods":"2"}}}""")).Ok().Json["spec"]!["hard"]!["pods"]!);
        (await _api.DeleteAsync($"/api/v1/namespaces/{ns}/resourcequotas?labelSelector=set%3D{ns}")).Ok();
        Assert.Empty((await _api.GetAsync($"/api/v1/resourcequotas?labelSelector=set%3D{ns}")).Ok().Json["items"]!.AsArray());
    }

    [Fact]
    [ConformanceRow(Prefix + "apply changes to a resourcequota status [Conformance]")]
    public async Task Status_IsReconciledBack()
    {
        var ns = await cluster.NamespaceAsync();
        await QuotaAsync(ns, """{"pods":"5"}""");
        await UsedAsync(ns, ("pods", "0"));
        var path = $"/api/v1/namespaces/{ns}/resourcequotas/q";
        var patched = (await _api.PatchAsync($"{path}/status", """{"status":{"hard":{"pods":"7"}}}""")).Ok().Json;
        Assert.Equal(("5", "7"), ((string)patched["spec"]!["hard"]!["pods"]!, (string)patched["status"]!["hard"]!["pods"]!));
        await _api.UntilAsync(path, a => (string?)a.Json["status"]!["hard"]!["pods"] == "5");
    }

    [Fact]
    public async Task ManyAtOnce_NeverExceed()
    {
        var ns = await cluster.NamespaceAsync();
        await QuotaAsync(ns, """{"count/services":"5","services":"5"}""");
        await UsedAsync(ns, ("services", "0"));
        var answers = await Task.WhenAll(Enumerable.Range(0, 25).Select(i => _api.PostAsync($"/api/v1/namespaces/{ns}/services", $$"""{"apiVersion":"v1","kind":"Service","metadata":{"name":"s{{i}}"},"spec":{"ports":[{"port":80}]} }""")));
        Assert.Equal(5, answers.Count(a => a.Code == 201));
        Assert.Equal(20, answers.Count(a => a.Code == 403));

        // What is not stored after all is given back.
        (await _api.DeleteAsync($"/api/v1/namespaces/{ns}/services/{(string)answers.First(a => a.Code == 201).Json["metadata"]!["name"]!}")).Ok();
        await UsedAsync(ns, ("services", "4"));
        var taken = (string)answers.Last(a => a.Code == 201).Json["metadata"]!["name"]!;
        (await _api.PostAsync($"/api/v1/namespaces/{ns}/services", $$"""{"apiVersion":"v1","kind":"Service","metadata":{"name":"{{taken}}"},"spec":{"ports":[{"port":80}]} }""")).Refused(409);
        Assert.Equal("4", (string)(await _api.GetAsync($"/api/v1/namespaces/{ns}/resourcequotas/q")).Json["status"]!["used"]!["services"]!);
        (await _api.PostAsync($"/api/v1/namespaces/{ns}/services", """{"apiVersion":"v1","kind":"Service","metadata":{"name":"last"},"spec":{"ports":[{"port":80}]}}""")).Ok(201);
        await UsedAsync(ns, ("services", "5"), ("count/services", "5"));
    }

    private static string Pod(string name, string requests, string spec = "", string limits = "{}") => $$"""
        {"apiVersion":"v1","kind":"Pod","metadata":{"name":"{{name}}"},"spec":{{{spec}}"schedulerName":"none","containers":[{"name":"c","image":"registry.invalid/x","resources":{"requests":{{requests}},"limits":{{limits}} } }]} }
        """;

    private async Task QuotaAsync(string ns, string hard) =>
        (await _api.PostAsync($"/api/v1/namespaces/{ns}/resourcequotas", $$"""{"apiVersion":"v1","kind":"ResourceQuota","metadata":{"name":"q"},"spec":{"hard":{{hard}} } }""")).Ok(201);

    private Task UsedAsync(string ns, params (string Entry, string Amount)[] expected) => UsedAsync(ns, "q", expected);

    private Task UsedAsync(string ns, string quota, params (string Entry, string Amount)[] expected) =>
        _api.UntilAsync($"/api/v1/namespaces/{ns}/resourcequotas/{quota}", a => expected.All(e => (string?)a.Json["status"]?["used"]?[e.Entry] == e.Amount));
}
