using System.Text.Json.Nodes;

namespace Kaji.Conformance.Running;

/// <summary>Rows about hooks and probes of containers.</summary>
public sealed class LifecycleHookTests(ConformanceCluster cluster)
{
    [Theory]
    [InlineData("postStart", "exec")]
    [InlineData("postStart", "httpGet")]
    [InlineData("preStop", "exec")]
    [InlineData("preStop", "httpGet")]
    [ConformanceRow("[sig-node] Container Lifecycle Hook when create a pod with lifecycle hook should execute poststart exec hook properly [NodeConformance] [Conformance]")]
    [ConformanceRow("[sig-node] Container Lifecycle Hook when create a pod with lifecycle hook should execute poststart http hook properly [NodeConformance] [Conformance]")]
    [ConformanceRow("[sig-node] Container Lifecycle Hook when create a pod with lifecycle hook should execute prestop exec hook properly [NodeConformance] [Conformance]")]
    [ConformanceRow("[sig-node] Container Lifecycle Hook when create a pod with lifecycle hook should execute prestop http hook properly [NodeConformance] [Conformance]")]
    [ConformanceRow("[sig-node] PreStop should call prestop when killing a pod [Conformance]")]
    public async Task Hook_ReachesAnotherPod(string hook, string kind)
    {
        var on = await Workloads.StartAsync(cluster);
        var server = Workloads.Ip(await on.PodAsync("server"));
        var path = $"/{hook}-{kind}".ToLowerInvariant();
        var handler = kind == "exec"
            ? $$$"""{"exec":{"command":["/bin/wget","-q","-O","/tmp/x","http://{{{server}}}:8080{{{path}}}"]} }"""
            : $$$"""{"httpGet":{"host":"{{{server}}}","port":8080,"path":"{{{path}}}"} }""";
        await on.PodAsync("hooked", container: $$$"""
            "lifecycle":{"{{{hook}}}":{{{handler}}}}
            """, spec: "\"automountServiceAccountToken\":false", command: "\"/bin/sleep\",\"1000\"");
        if (hook == "preStop")
        {
            Assert.DoesNotContain(path, await LogAsync(), StringComparison.Ordinal);
            (await on.Api.DeleteAsync($"{on.Pods}/hooked", """{"gracePeriodSeconds":15}""")).Ok();
        }

        await Workloads.UntilAsync(async () => await LogAsync(), a => a?.Contains(path, StringComparison.Ordinal) == true, $"{path} was not asked for");

        async Task<string> LogAsync() => (await on.Api.GetAsync($"{on.Pods}/server:8080/proxy/log")).Ok().Text;
    }

    [Theory]
    [InlineData("\"httpGet\":{\"path\":\"/healthz\",\"port\":8080}")]
    [InlineData("\"tcpSocket\":{\"port\":8080}")]
    [ConformanceRow("[sig-node] Probing container should *not* be restarted with a /healthz http liveness probe [NodeConformance] [Conformance]")]
    [ConformanceRow("[sig-node] Probing container should *not* be restarted with a tcp:8080 liveness probe [NodeConformance] [Conformance]")]
    public async Task Liveness_ThatHolds_RestartsNothing(string probe)
    {
        var on = await Workloads.StartAsync(cluster);
        await on.PodAsync("alive", container: "\"livenessProbe\":{" + probe + ",\"periodSeconds\":1,\"failureThreshold\":1}");

        // Many probes later it is the same container.
        await on.Api.UntilAsync($"{on.Pods}/alive:8080/proxy/log", a => !probe.Contains("httpGet", StringComparison.Ordinal) || a.Text.Split('\n').Count(l => l == "/healthz") >= 4);
        Assert.Equal(0, Workloads.Restarts((await on.Api.GetAsync($"{on.Pods}/alive")).Ok().Json));
    }

    [Fact]
    [ConformanceRow("[sig-node] Probing container should be restarted with a /healthz http liveness probe [NodeConformance] [Conformance]")]
    public async Task Liveness_ThatFails_Restarts()
    {
        var on = await Workloads.StartAsync(cluster);
        await on.PodAsync("dies", container: "\"livenessProbe\":{\"httpGet\":{\"path\":\"/fail\",\"port\":8080},\"periodSeconds\":1,\"failureThreshold\":1}");
        (await on.Api.GetAsync($"{on.Pods}/dies:8080/proxy/break")).Ok();
        await on.Api.UntilAsync($"{on.Pods}/dies", a => Workloads.Restarts(a.Ok().Json) >= 1);
    }

    [Fact]
    [ConformanceRow("[sig-node] Probing container should be restarted with a GRPC liveness probe [NodeConformance] [Conformance]")]
    public async Task Liveness_ByGrpcAtAWrongPort_Restarts()
    {
        var on = await Workloads.StartAsync(cluster);
        await on.PodAsync("grpc", container: "\"livenessProbe\":{\"grpc\":{\"port\":2333},\"periodSeconds\":1,\"failureThreshold\":1}", ready: false);
        await on.Api.UntilAsync($"{on.Pods}/grpc", a => Workloads.Restarts(a.Ok().Json) >= 1);
    }

    [Fact]
    [ConformanceRow("[sig-node] Probing container should have monotonically increasing restart count [NodeConformance] [Conformance]")]
    public async Task Restarts_OnlyGoUp()
    {
        var on = await Workloads.StartAsync(cluster);
        await using var watch = await on.Api.WatchAsync($"{on.Pods}?labelSelector=app%3Dcounts");
        await on.PodAsync("counts", container: "\"livenessProbe\":{\"exec\":{\"command\":[\"/bin/test\",\"-e\",\"/none\"]},\"periodSeconds\":1,\"failureThreshold\":1}", ready: false);
        var last = 0;
        while (last < 2)
        {
            var now = Workloads.Restarts((await watch.NextAsync()).Object);
            Assert.True(now >= last, $"{now} restarts after {last}");
            last = now;
        }
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    [ConformanceRow("[sig-node] RuntimeClass should schedule a Pod requesting a RuntimeClass and initialize its Overhead [NodeConformance] [Conformance]")]
    [ConformanceRow("[sig-node] RuntimeClass should schedule a Pod requesting a RuntimeClass without PodOverhead [NodeConformance] [Conformance]")]
    public async Task RuntimeClass_GivesItsOverhead(bool overhead)
    {
        var on = await Workloads.StartAsync(cluster);
        var name = $"class-{on.Namespace}";
        (await on.Api.PostAsync("/apis/node.k8s.io/v1/runtimeclasses", $$$"""{"metadata":{"name":"{{{name}}}"},"handler":"runc"{{{(overhead ? ",\"overhead\":{\"podFixed\":{\"cpu\":\"10m\",\"memory\":\"1Mi\"}}" : "")}}} }""")).Ok(201);
        await on.PodAsync("classed", spec: $"\"runtimeClassName\":\"{name}\"", ready: false);
        var pod = (await on.Api.UntilAsync($"{on.Pods}/classed", a => a.Ok().Json["spec"]!["nodeName"] is not null)).Json;
        Assert.Equal(overhead ? "10m" : null, (string?)pod["spec"]!["overhead"]?["cpu"]);
    }

    [Fact]
    [ConformanceRow("[sig-node] RuntimeClass should reject a Pod requesting a non-existent RuntimeClass [NodeConformance] [Conformance]")]
    [ConformanceRow("[sig-node] RuntimeClass should reject a Pod requesting a deleted RuntimeClass [NodeConformance] [Conformance]")]
    public async Task RuntimeClass_ThatIsNotThere_IsRefused()
    {
        var on = await Workloads.StartAsync(cluster);
        var body = Workloads.PodJson("classed", "x", "\"/agent\"", "", $"\"runtimeClassName\":\"gone-{on.Namespace}\"");
        (await on.Api.PostAsync($"{on.Pods}?dryRun=All", body)).Refused(403, $"RuntimeClass \"gone-{on.Namespace}\" not found");
        (await on.Api.PostAsync("/apis/node.k8s.io/v1/runtimeclasses", $$$"""{"metadata":{"name":"gone-{{{on.Namespace}}}"},"handler":"runc"}""")).Ok(201);
        (await on.Api.PostAsync($"{on.Pods}?dryRun=All", body)).Ok(201);
        (await on.Api.DeleteAsync($"/apis/node.k8s.io/v1/runtimeclasses/gone-{on.Namespace}")).Ok();
        (await on.Api.PostAsync($"{on.Pods}?dryRun=All", body)).Refused(403, "not found");
    }
}
