using System.Text.Json.Nodes;

namespace Kaji.Conformance.Running;

/// <summary>Rows about ReplicationControllers, and an application of several parts.</summary>
public sealed class ReplicationTests(ConformanceCluster cluster)
{
    [Fact]
    [ConformanceRow("[sig-apps] ReplicationController should serve a basic image on each replica with a public image [Conformance]")]
    [ConformanceRow("[sig-cli] Kubectl client Update Demo should create and stop a replication controller [Conformance]")]
    [ConformanceRow("[sig-cli] Kubectl client Update Demo should scale a replication controller [Conformance]")]
    public async Task Controller_ComesUp_Serves_Scales_AndGoes()
    {
        var on = await Workloads.StartAsync(cluster);
        var manifest = """{"apiVersion":"v1","kind":"ReplicationController","metadata":{"name":"update-demo"},"spec":{"replicas":2,"selector":{"app":"demo"},"template":{"metadata":{"labels":{"app":"demo"}},"spec":{"terminationGracePeriodSeconds":1,"containers":["""
            + Workloads.ContainerJson() + "]}}}}";
        var (code, output) = await cluster.KubectlWithInputAsync(manifest, "-n", on.Namespace, "create", "-f", "-");
        Assert.True(code == 0, output);
        await ServingAsync(2);
        foreach (var replicas in (int[])[1, 2])
        {
            (code, output) = await cluster.KubectlAsync("-n", on.Namespace, "scale", "rc", "update-demo", $"--replicas={replicas}", "--timeout=1m");
            Assert.True(code == 0, output);
            await ServingAsync(replicas);
        }

        var status = (await on.Api.UntilAsync($"/api/v1/namespaces/{on.Namespace}/replicationcontrollers/update-demo", a => (int?)a.Ok().Json["status"]!["readyReplicas"] == 2)).Json["status"]!;
        Assert.Equal(2, (int)status["replicas"]!);
        (code, output) = await cluster.KubectlAsync("-n", on.Namespace, "delete", "rc", "update-demo", "--grace-period=0", "--force");
        Assert.True(code == 0, output);
        await ServingAsync(0);

        async Task ServingAsync(int count)
        {
            var pods = (await on.Api.UntilAsync($"{on.Pods}?labelSelector=app%3Ddemo", a => a.Ok().Json["items"]!.AsArray() is var items && items.Count == count && items.All(p => Workloads.IsReady(p!)))).Json["items"]!.AsArray();
            foreach (var pod in pods)
            {
                var name = (string)pod!["metadata"]!["name"]!;
                Assert.Equal("ReplicationController", (string)pod["metadata"]!["ownerReferences"]![0]!["kind"]!);
                Assert.Equal(name, (await on.Api.GetAsync($"{on.Pods}/{name}:8080/proxy/hostname")).Ok().Text);
            }
        }
    }

    [Fact]
    [ConformanceRow("[sig-cli] Kubectl client Guestbook application should create and stop a working application [Conformance]")]
    public async Task Guestbook_FrontEndReachesItsStore_AndIsReachedThroughTheServer()
    {
        var on = await Workloads.StartAsync(cluster);
        var parts = (string[])["frontend", "agnhost-primary", "agnhost-replica"];
        foreach (var part in parts)
        {
            var replicas = part switch { "frontend" => 3, "agnhost-replica" => 2, _ => 1 };
            foreach (var manifest in (string[])[$$$"""{"apiVersion":"v1","kind":"Service","metadata":{"name":"{{{part}}}"},"spec":{"selector":{"app":"{{{part}}}"},"ports":[{"port":80,"targetPort":8080}]} }""",
                         $$$"""{"apiVersion":"apps/v1","kind":"Deployment","metadata":{"name":"{{{part}}}"},"spec":{"replicas":{{{replicas}}},"selector":{"matchLabels":{"app":"{{{part}}}"}},"template":{"metadata":{"labels":{"app":"{{{part}}}"}},"spec":{"terminationGracePeriodSeconds":1,"containers":[""" + Workloads.ContainerJson() + "]}}}}"])
            {
                var (code, output) = await cluster.KubectlWithInputAsync(manifest, "-n", on.Namespace, "create", "-f", "-");
                Assert.True(code == 0, output);
            }
        }

        var pods = (await on.Api.UntilAsync(on.Pods, a => a.Ok().Json["items"]!.AsArray() is { Count: 6 } items && items.All(p => Workloads.IsReady(p!)))).Json["items"]!.AsArray();
        var front = (string)pods.First(p => (string)p!["metadata"]!["labels"]!["app"]! == "frontend")!["metadata"]!["name"]!;
        await on.Api.UntilAsync($"/api/v1/namespaces/{on.Namespace}/services/frontend:80/proxy/guestbook", a => a.Code == 200 && a.Text == "GET /guestbook");
        Assert.Equal("GET /set?key=messages&value=TestEntry", await on.WgetAsync(front, "http://agnhost-primary/set?key=messages&value=TestEntry"));
        Assert.Contains("value=TestEntry", (await on.Api.GetAsync($"/api/v1/namespaces/{on.Namespace}/services/agnhost-primary:80/proxy/log")).Ok().Text, StringComparison.Ordinal);
        foreach (var part in parts)
        {
            Assert.Equal(0, (await cluster.KubectlAsync("-n", on.Namespace, "delete", "deployment,service", part)).Code);
        }

        await on.Api.UntilAsync(on.Pods, a => a.Ok().Json["items"]!.AsArray().Count == 0);
    }
}
