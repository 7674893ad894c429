using System.Text.Json.Nodes;
using Kaji.ApiServer.Tests.CustomResources;

namespace Kaji.ApiServer.Tests.Registry;

/// <summary>What built-in kinds do beyond their own resource: other versions, resize, warnings; on the real pipeline.</summary>
public sealed class SubresourceTests
{
    private const string Pods = "/api/v1/namespaces/n/pods";
    private const string Pod = """{"metadata":{"name":"p"},"spec":{"serviceAccountName":"x","containers":[{"name":"a","image":"i","resources":{"requests":{"cpu":"1","memory":"1Gi"}}}]}}""";

    [Fact]
    public async Task Resize_TakesRequests_AndNothingElse()
    {
        await using var server = await CustomServer.StartAsync();
        (await server.PostAsync(Pods, Pod)).Is(201);
        var resized = (await server.PatchAsync(Pods + "/p/resize", """{"metadata":{"labels":{"x":"y"}},"spec":{"containers":[{"name":"a","image":"other","resources":{"requests":{"cpu":"2","memory":"1Gi"}}}]}}""")).Is(200).Body;
        var container = resized["spec"]!["containers"]![0]!;
        Assert.Equal("2", (string?)container["resources"]!["requests"]!["cpu"]);
        Assert.Equal("i", (string?)container["image"]);
        Assert.Null(resized["metadata"]!["labels"]);
        Assert.Equal(2, (int)resized["metadata"]!["generation"]!);
    }

    [Theory]
    [InlineData("""{"spec":{"containers":[{"name":"a","resources":{"requests":{"cpu":"1"}}}]}}""", "resource requests cannot be removed")]
    [InlineData("""{"spec":{"containers":[{"name":"a","resources":{"requests":{"cpu":"1","memory":"1Gi"},"limits":{"cpu":"1","memory":"1Gi"}}}]}}""", "Pod QOS Class may not change as a result of resizing")]
    [InlineData("""{"spec":{"containers":[{"name":"a","resources":{"requests":{"cpu":"1","memory":"1Gi","ephemeral-storage":"1"}}}]}}""", "only cpu and memory resources are mutable")]
    public async Task Resize_OfWhatMayNotChange_IsRefused(string patch, string says)
    {
        await using var server = await CustomServer.StartAsync();
        (await server.PostAsync(Pods, Pod)).Is(201);
        (await server.PatchAsync(Pods + "/p/resize", patch)).Says(422, says);
    }

    [Fact]
    public async Task Eviction_IsCountedInTheBudget()
    {
        await using var server = await CustomServer.StartAsync();
        const string Budgets = "/apis/policy/v1/namespaces/n/poddisruptionbudgets";
        foreach (var name in (string[])["p", "q"])
        {
            (await server.PostAsync(Pods, Pod.Replace("\"p\"", $"\"{name}\",\"labels\":{{\"a\":\"b\"}}", StringComparison.Ordinal))).Is(201);
            (await server.PatchAsync($"{Pods}/{name}/status", """{"status":{"phase":"Running","conditions":[{"type":"Ready","status":"True"}]}}""")).Is(200);
        }

        (await server.PostAsync(Budgets, """{"metadata":{"name":"b"},"spec":{"minAvailable":1,"selector":{"matchLabels":{"a":"b"}}}}""")).Is(201);
        (await server.PatchAsync(Budgets + "/b/status", """{"status":{"disruptionsAllowed":1,"currentHealthy":2,"desiredHealthy":1,"expectedPods":2,"observedGeneration":1}}""")).Is(200);
        (await server.PostAsync(Pods + "/p/eviction", """{"apiVersion":"policy/v1","kind":"Eviction","metadata":{"name":"other"}}""")).Says(400, "name in URL does not match name in Eviction object");
        (await server.PostAsync(Pods + "/p/eviction", """{"apiVersion":"policy/v1","kind":"Eviction","metadata":{"name":"p"}}""")).Is(201);
        var status = (await server.GetAsync(Budgets + "/b")).Is(200).Body["status"]!;
        Assert.Equal(0, (int)status["disruptionsAllowed"]!);
        Assert.NotNull(status["disruptedPods"]!["p"]);
        var refused = (await server.PostAsync(Pods + "/q/eviction", """{"apiVersion":"policy/v1","kind":"Eviction","metadata":{"name":"q"}}""")).Is(429);
        Assert.Equal("Cannot evict pod as it would violate the pod's disruption budget.", refused.Message);
        Assert.Equal("The disruption budget b needs 1 healthy pods and has 2 currently", (string?)refused.Body["details"]!["causes"]![0]!["message"]);
    }

    [Fact]
    public async Task Autoscaler_OfTheOlderVersion_LosesNothing()
    {
        await using var server = await CustomServer.StartAsync();
        const string V2 = "/apis/autoscaling/v2/namespaces/n/horizontalpodautoscalers";
        const string V1 = "/apis/autoscaling/v1/namespaces/n/horizontalpodautoscalers";
        var metrics = """[{"type":"Resource","resource":{"name":"cpu","target":{"type":"Utilization","averageUtilization":60}}},{"type":"Object","object":{"describedObject":{"kind":"Service","name":"s"},"metric":{"name":"hits"},"target":{"type":"Value","value":"10k"}}},{"type":"External","external":{"metric":{"name":"queue"},"target":{"type":"AverageValue","averageValue":"30"}}}]""";
        var made = (await server.PostAsync(V2, $$$$"""{"metadata":{"name":"h"},"spec":{"maxReplicas":3,"scaleTargetRef":{"kind":"Deployment","name":"d"},"behavior":{"scaleDown":{"selectPolicy":"Disabled"}},"metrics":{{{{metrics}}}}}}""")).Is(201).Body;
        var old = (await server.GetAsync(V1 + "/h")).Is(200).Body;
        Assert.Equal(60, (int)old["spec"]!["targetCPUUtilizationPercentage"]!);
        Assert.Null(old["spec"]!["metrics"]);
        Assert.Equal(
            """[{"type":"Object","object":{"target":{"kind":"Service","name":"s"},"metricName":"hits","targetValue":"10k"}},{"type":"External","external":{"metricName":"queue","targetAverageValue":"30"}}]""",
            (string?)old["metadata"]!["annotations"]!["autoscaling.alpha.kubernetes.io/metrics"]);
        old["spec"]!["maxReplicas"] = 4;
        (await server.PutAsync(V1 + "/h", old.ToJsonString())).Is(200);
        var now = (await server.GetAsync(V2 + "/h")).Is(200).Body;
        Assert.Equal(4, (int)now["spec"]!["maxReplicas"]!);
        Assert.True(JsonNode.DeepEquals(now["spec"]!["metrics"], JsonNode.Parse(metrics)), now["spec"]!["metrics"]!.ToJsonString());
        Assert.True(JsonNode.DeepEquals(now["spec"]!["behavior"], made["spec"]!["behavior"]), now["spec"]!["behavior"]?.ToJsonString());
        Assert.Null(now["metadata"]!["annotations"]);
    }

    [Fact]
    public async Task Write_OfWhatIsDeprecated_IsWarnedOf()
    {
        await using var server = await CustomServer.StartAsync();
        var reply = (await server.PostAsync("/api/v1/namespaces/n/configmaps", """{"metadata":{"name":"m","finalizers":["mine"]}}""")).Is(201);
        Assert.Contains("prefer a domain-qualified finalizer name including a path (/) to avoid accidental conflicts with other finalizer writers", Assert.Single(reply.Warnings), StringComparison.Ordinal);
    }
}
