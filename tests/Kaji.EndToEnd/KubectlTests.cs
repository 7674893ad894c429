using System.Diagnostics;
using System.Net.Sockets;

namespace Kaji.EndToEnd;

/// <summary>The commands people type, with the oldest and the newest kubectl that must work.</summary>
[Collection("one cluster at a time")]
public sealed class KubectlTests(TestCluster cluster) : IClassFixture<TestCluster>
{
    [Theory]
    [MemberData(nameof(TestCluster.Kubectls), MemberType = typeof(TestCluster))]
    public async Task Deployment_AppliedScaledUpdatedRolledBack(string kubectl)
    {
        var ns = await cluster.NamespaceAsync();
        await cluster.ApplyAsync(TestCluster.WebDeployment(ns, "web", 1, "one"), kubectl);
        (await Kubectl("rollout", "status", "deploy/web", "--timeout=60s")).Ok();
        Assert.Contains("1/1", (await Kubectl("get", "deploy", "-o", "wide")).Ok().Output, StringComparison.Ordinal);
        (await Kubectl("scale", "deploy/web", "--replicas=3")).Ok();
        (await Kubectl("wait", "--for=jsonpath={.status.readyReplicas}=3", "deploy/web", "--timeout=60s")).Ok();
        Assert.Equal(3, (await cluster.GetAsync("pods", "-n", ns))["items"]!.AsArray().Count);
        (await Kubectl("set", "env", "deploy/web", "COLOR=blue")).Ok();
        (await Kubectl("rollout", "status", "deploy/web", "--timeout=60s")).Ok();
        (await Kubectl("set", "image", "deploy/web", $"web=docker.io/{TestCluster.Image}")).Ok();
        (await Kubectl("rollout", "status", "deploy/web", "--timeout=60s")).Ok();
        Assert.Contains("3", (await Kubectl("rollout", "history", "deploy/web")).Ok().Output, StringComparison.Ordinal);
        (await Kubectl("rollout", "undo", "deploy/web")).Ok();
        (await Kubectl("rollout", "status", "deploy/web", "--timeout=60s")).Ok();
        Assert.Equal(TestCluster.Image, (string?)(await cluster.GetAsync("deploy", "web", "-n", ns))["spec"]!["template"]!["spec"]!["containers"]![0]!["image"]);
        Assert.Contains("ScalingReplicaSet", (await Kubectl("describe", "deploy", "web")).Ok().Output, StringComparison.Ordinal);
        (await Kubectl("delete", "deploy", "web", "--wait=true")).Ok();
        await Eventually.HoldsAsync("pods of a deleted Deployment are gone", async () => (await cluster.GetAsync("pods", "-n", ns))["items"]!.AsArray().Count == 0);

        Task<Outcome> Kubectl(params string[] arguments) => cluster.KubectlWithAsync(kubectl, ["-n", ns, .. arguments]);
    }

    [Theory]
    [MemberData(nameof(TestCluster.Kubectls), MemberType = typeof(TestCluster))]
    public async Task Pod_LogsExecCopyForward(string kubectl)
    {
        var ns = await cluster.NamespaceAsync();
        await cluster.ApplyAsync(TestCluster.WebDeployment(ns, "web", 1, "hello"), kubectl);
        (await Kubectl("rollout", "status", "deploy/web", "--timeout=60s")).Ok();
        var pod = (string)(await cluster.GetAsync("pods", "-n", ns))["items"]![0]!["metadata"]!["name"]!;

        Assert.Equal("out\n", (await Kubectl("exec", pod, "--", "echo", "out")).Ok().Output);
        Assert.Equal(7, (await Kubectl("exec", pod, "--", "sh", "-c", "exit 7")).Code);
        var piped = await Command.RunAsync(Path.Combine(TestCluster.Clients, kubectl), ["--kubeconfig", cluster.Kubeconfig, "-n", ns, "exec", "-i", pod, "--", "cat"], "through stdin", null);
        Assert.Equal("through stdin", piped.Ok().Output);
        // Standard input stays open while the command runs: its end would end the terminal.
        var terminal = $"sleep 3 | script -qec 'stty rows 33 cols 111; {Path.Combine(TestCluster.Clients, kubectl)} --kubeconfig {cluster.Kubeconfig} -n {ns} exec -it {pod} -- stty size' /dev/null";
        var tty = await Command.RunAsync("sh", "-c", terminal);
        Assert.Contains("33 111", tty.Ok().Output, StringComparison.Ordinal);

        var file = Path.GetTempFileName();
        await File.WriteAllTextAsync(file, string.Concat(Enumerable.Repeat("kaji ", 100_000)));
        (await Kubectl("cp", file, $"{ns}/{pod}:/tmp/copied")).Ok();
        var back = file + ".back";
        (await Kubectl("cp", $"{ns}/{pod}:/tmp/copied", back)).Ok();
        Assert.Equal(await File.ReadAllTextAsync(file), await File.ReadAllTextAsync(back));
        File.Delete(file);
        File.Delete(back);

        using (var forward = Command.Start(Path.Combine(TestCluster.Clients, kubectl), ["--kubeconfig", cluster.Kubeconfig, "-n", ns, "port-forward", pod, ":8080"]))
        {
            var line = await forward.StandardOutput.ReadLineAsync() ?? "";
            var port = line.Split("127.0.0.1:")[1].Split(' ')[0];
            using var http = new HttpClient();
            for (var i = 0; i < 5; i++)
            {
                Assert.Equal("hello\n", await http.GetStringAsync($"http://127.0.0.1:{port}/"));
            }

            forward.Kill();
            await forward.WaitForExitAsync();
        }

        (await Kubectl("run", "talker", $"--image={TestCluster.Image}", "--restart=Never", "--command", "--", "sh", "-c", "for i in 1 2 3; do echo line $i; done; sleep 1; echo last")).Ok();
        (await Kubectl("wait", "--for=jsonpath={.status.phase}=Succeeded", "pod/talker", "--timeout=60s")).Ok();
        Assert.Equal("line 1\nline 2\nline 3\nlast\n", (await Kubectl("logs", "-f", "talker")).Ok().Output);
        Assert.Equal("last\n", (await Kubectl("logs", "talker", "--tail=1")).Ok().Output);
        Assert.Contains("Z line 1", (await Kubectl("logs", "talker", "--timestamps")).Ok().Output, StringComparison.Ordinal);
        Assert.Contains("Started", (await Kubectl("describe", "pod", "talker")).Ok().Output, StringComparison.Ordinal);

        Task<Outcome> Kubectl(params string[] arguments) => cluster.KubectlWithAsync(kubectl, ["-n", ns, .. arguments]);
    }

    [Theory]
    [MemberData(nameof(TestCluster.Kubectls), MemberType = typeof(TestCluster))]
    public async Task Cluster_ToldAbout(string kubectl)
    {
        Assert.Contains("deployments", (await cluster.KubectlWithAsync(kubectl, "api-resources")).Ok().Output, StringComparison.Ordinal);
        Assert.Contains("apps/v1", (await cluster.KubectlWithAsync(kubectl, "api-versions")).Ok().Output, StringComparison.Ordinal);
        Assert.Equal("yes\n", (await cluster.KubectlWithAsync(kubectl, "auth", "can-i", "create", "pods")).Ok().Output);
        Assert.StartsWith("no", (await cluster.KubectlWithAsync(kubectl, "auth", "can-i", "create", "pods", "--as=system:serviceaccount:default:default")).Output, StringComparison.Ordinal);
        Assert.Contains("Ready", (await cluster.KubectlWithAsync(kubectl, "get", "nodes", "-o", "wide")).Ok().Output, StringComparison.Ordinal);
        Assert.Contains("v1.36.2+kaji", (await cluster.KubectlWithAsync(kubectl, "version")).Ok().Output, StringComparison.Ordinal);
        Assert.Contains("containers", (await cluster.KubectlWithAsync(kubectl, "explain", "pod.spec")).Ok().Output, StringComparison.Ordinal);
        Assert.Contains("Allocated resources", (await cluster.KubectlWithAsync(kubectl, "describe", "nodes")).Ok().Output, StringComparison.Ordinal);

        var ns = await cluster.NamespaceAsync();
        using var watch = Command.Start(Path.Combine(TestCluster.Clients, kubectl), ["--kubeconfig", cluster.Kubeconfig, "-n", ns, "get", "configmaps", "--watch", "-o", "name"]);
        await watch.StandardOutput.ReadLineAsync();
        var name = "seen-" + Guid.NewGuid().ToString("N")[..6];
        (await cluster.KubectlWithAsync(kubectl, "-n", ns, "create", "configmap", name)).Ok();
        Assert.Equal($"configmap/{name}", await watch.StandardOutput.ReadLineAsync());
        watch.Kill();
        await watch.WaitForExitAsync();
    }

    [Theory]
    [MemberData(nameof(TestCluster.Kubectls), MemberType = typeof(TestCluster))]
    public async Task Operations_OnObjectsPodsAndNodes(string kubectl)
    {
        var ns = await cluster.NamespaceAsync();
        Assert.Contains("<IntOrString>", (await Kubectl("explain", "deployment.spec.strategy.rollingUpdate")).Ok().Output, StringComparison.Ordinal);
        Assert.Contains("Paths must begin with a '/'", (await Kubectl("explain", "ingress.spec.rules.http.paths.path", "--output=plaintext-openapiv2")).Ok().Output, StringComparison.Ordinal);
        Assert.Contains("preStop", (await Kubectl("explain", "pod", "--recursive")).Ok().Output, StringComparison.Ordinal);

        const string Map = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: owned}\ndata: {a: \"1\"}\n";
        (await With(Map, "apply", "--server-side", "-f", "-")).Ok();
        (await With(Map.Replace("\"1\"", "\"2\"", StringComparison.Ordinal), "apply", "--server-side", "--field-manager=other", "-f", "-")).Refused("conflict with \"kubectl\": .data.a");
        var diff = await With(Map.Replace("\"1\"", "\"2\"", StringComparison.Ordinal), "diff", "-f", "-");
        Assert.Equal(1, diff.Code);
        Assert.Contains("+  a: \"2\"", diff.Output, StringComparison.Ordinal);
        Assert.DoesNotContain("annotations: {}", diff.Output, StringComparison.Ordinal);
        (await With(Map.Replace("\"1\"", "\"2\"", StringComparison.Ordinal), "apply", "--server-side", "--field-manager=other", "--force-conflicts", "-f", "-")).Ok();

        Assert.Contains("*.*", (await Kubectl("auth", "can-i", "--list")).Ok().Output, StringComparison.Ordinal);
        Assert.StartsWith("eyJ", (await Kubectl("create", "token", "default")).Ok().Output, StringComparison.Ordinal);
        Assert.Contains("\"gitVersion\":\"v1.36.2+kaji\"", (await Kubectl("get", "--raw", "/version")).Ok().Output, StringComparison.Ordinal);
        (await Kubectl("top", "pods")).Refused("Metrics API not available");

        (await Kubectl("run", "sleeper", $"--image={TestCluster.Image}", "--command", "--", "/bin/sleep", "1000")).Ok();
        (await Kubectl("wait", "--for=condition=Ready", "pod/sleeper", "--timeout=60s")).Ok();
        (await Kubectl("debug", "sleeper", $"--image={TestCluster.Image}", "--target=sleeper", "-c", "looker", "--profile=general", "--", "/bin/sh", "-c", "ps | grep 'sleep 1000'")).Ok();
        await Eventually.HoldsAsync("the debugger sees the target's processes", async () => (await Kubectl("logs", "sleeper", "-c", "looker")).Output.Contains("sleep 1000", StringComparison.Ordinal));

        var node = (string)(await cluster.GetAsync("nodes"))["items"]![0]!["metadata"]!["name"]!;
        try
        {
            (await Kubectl("drain", node, "--pod-selector=run=sleeper", "--force", "--grace-period=1", "--timeout=60s")).Ok();
            Assert.Contains("SchedulingDisabled", (await Kubectl("get", "nodes")).Ok().Output, StringComparison.Ordinal);
            Assert.Contains("NotFound", (await Kubectl("get", "pod", "sleeper")).Error, StringComparison.Ordinal);
        }
        finally
        {
            (await Kubectl("uncordon", node)).Ok();
        }

        Task<Outcome> Kubectl(params string[] arguments) => cluster.KubectlWithAsync(kubectl, ["-n", ns, .. arguments]);

        Task<Outcome> With(string input, params string[] arguments) => Command.RunAsync(Path.Combine(TestCluster.Clients, kubectl), ["--kubeconfig", cluster.Kubeconfig, "-n", ns, .. arguments], input, null);
    }

    [Fact]
    public async Task BadInput_GetsASentence()
    {
        (await cluster.KubectlAsync("run", "Bad_Name", "--image=x")).Refused("Invalid value");
        (await Command.RunAsync(Path.Combine(TestCluster.Clients, "kubectl-1.35"), ["--kubeconfig", cluster.Kubeconfig, "apply", "-f", "-"],
            "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: x}\ndatta: {a: b}\n", null)).Refused("unknown field \"datta\"");
        (await Command.RunAsync(Path.Combine(TestCluster.Clients, "kubectl-1.35"), ["--kubeconfig", cluster.Kubeconfig, "apply", "-f", "-"],
            "apiVersion: v9\nkind: Wat\nmetadata: {name: x}\n", null)).Refused("no matches for kind \"Wat\"");
        (await cluster.KubectlAsync("get", "pods", "--token=bad", "--client-certificate=", "--client-key=")).Refused("");
        var file = Path.Combine(cluster.Data, "broken.yaml");
        await File.WriteAllTextAsync(file, "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: [x\n");
        (await cluster.UpAsync("-f", file)).Refused("broken.yaml line ");
        (await cluster.RunKajiAsync("up", "--nonsense")).Refused("--nonsense");
    }
}
