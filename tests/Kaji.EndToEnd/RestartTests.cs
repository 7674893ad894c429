using System.Globalization;

namespace Kaji.EndToEnd;

/// <summary>Kaji itself dies, comes back, and goes away without a trace.</summary>
[Collection("one cluster at a time")]
public sealed class RestartTests
{
    [Fact]
    public async Task KillOfKaji_ThenUp_KeepsContainersAndObjects()
    {
        var cluster = new TestCluster();
        await cluster.InitializeAsync();
        try
        {
            await cluster.ApplyAsync(TestCluster.WebDeployment("default", "web", 3, "x"));
            (await cluster.KubectlAsync("rollout", "status", "deploy/web", "--timeout=60s")).Ok();
            var containers = await ContainersAsync();
            var processes = await ProcessesAsync(cluster);
            Assert.Equal(3, processes.Length);
            (await cluster.KubectlAsync("create", "configmap", "written-last", "--from-literal=a=b")).Ok();

            await cluster.KillServerAsync();
            Assert.Equal(processes, await ProcessesAsync(cluster));
            (await cluster.UpAsync()).Ok();

            Assert.Equal("b", (string?)(await cluster.GetAsync("configmap", "written-last"))["data"]!["a"]);
            (await cluster.KubectlAsync("rollout", "status", "deploy/web", "--timeout=60s")).Ok();
            Assert.Equal(containers, await ContainersAsync());
            Assert.Equal(processes, await ProcessesAsync(cluster));

            (await cluster.RunKajiAsync("stop")).Ok();
            Assert.Equal(processes, await ProcessesAsync(cluster));
            (await cluster.UpAsync()).Ok();
            (await cluster.KubectlAsync("scale", "deploy/web", "--replicas=1")).Ok();
            await Eventually.HoldsAsync("scaled down", async () => (await ProcessesAsync(cluster)).Length == 1);
        }
        finally
        {
            await cluster.DisposeAsync();
        }

        async Task<string[]> ContainersAsync() =>
            [.. (await cluster.GetAsync("pods"))["items"]!.AsArray().Select(p => $"{p!["status"]!["containerStatuses"]![0]!["containerID"]} {p["status"]!["containerStatuses"]![0]!["restartCount"]}").Order(StringComparer.Ordinal)];
    }

    [Fact]
    public async Task DownPurge_LeavesNothing()
    {
        var before = await TracesAsync();
        var cluster = new TestCluster();
        await cluster.InitializeAsync();
        await cluster.ApplyAsync(TestCluster.WebDeployment("default", "web", 2, "x"));
        (await cluster.KubectlAsync("rollout", "status", "deploy/web", "--timeout=60s")).Ok();
        Assert.NotEqual(before, await TracesAsync());

        await cluster.DisposeAsync();

        Assert.Equal(before, await TracesAsync());
        Assert.False(Directory.Exists(cluster.Data));
    }

    [Fact]
    public async Task DownWithoutPurge_ThenUp_StartsThePodsAgain()
    {
        var cluster = new TestCluster();
        await cluster.InitializeAsync();
        try
        {
            await cluster.ApplyAsync(TestCluster.WebDeployment("default", "web", 2, "x"));
            (await cluster.KubectlAsync("rollout", "status", "deploy/web", "--timeout=60s")).Ok();
            (await cluster.RunKajiAsync("down")).Ok();
            Assert.Empty(await ProcessesAsync(cluster));
            (await cluster.UpAsync()).Ok();
            await Eventually.HoldsAsync("two processes", async () => (await ProcessesAsync(cluster)).Length == 2);
            (await cluster.KubectlAsync("rollout", "status", "deploy/web", "--timeout=60s")).Ok();
        }
        finally
        {
            await cluster.DisposeAsync();
        }
    }

    [Fact]
    public async Task SecondServer_TakenPort_AndDamagedSettings_AreRefused()
    {
        var cluster = new TestCluster();
        await cluster.InitializeAsync();
        var other = Directory.CreateTempSubdirectory("kaji-e2e-other-").FullName;
        try
        {
            (await Command.RunAsync(TestCluster.Kaji, "server", "--data-dir", cluster.Data, "--listen", "127.0.0.1:1")).Refused("in use by another Kaji");
            (await Command.RunAsync(TestCluster.Kaji, "up", "--no-merge", "--data-dir", other, "--listen", cluster.Listen)).Refused(cluster.Listen);
            Assert.False(File.Exists(Path.Combine(other, "cluster.json")));
            (await Command.RunAsync(TestCluster.Kaji, "up", "--no-merge", "--data-dir", "/proc/kaji")).Refused("the data directory /proc/kaji can't be used");
            await File.WriteAllTextAsync(Path.Combine(other, "cluster.json"), """{"layout": 99, "podCidr": "", "serviceCidr": "", "nodeName": ""}""");
            (await Command.RunAsync(TestCluster.Kaji, "up", "--no-merge", "--data-dir", other)).Refused("newer Kaji");
        }
        finally
        {
            await cluster.DisposeAsync();
            Directory.Delete(other, recursive: true);
        }
    }

    /// <summary>Process ids of the test's web servers whose conmon keeps its files in the cluster's directories.</summary>
    private static async Task<string[]> ProcessesAsync(TestCluster cluster)
    {
        var monitors = (await Command.RunAsync("pgrep", "-f", $"conmon .*{cluster.Data}")).Output.Split('\n', StringSplitOptions.RemoveEmptyEntries);
        var children = new List<string>();
        foreach (var monitor in monitors)
        {
            children.AddRange((await Command.RunAsync("pgrep", "-P", monitor)).Output.Split('\n', StringSplitOptions.RemoveEmptyEntries));
        }

        return [.. children.Order(StringComparer.Ordinal)];
    }

    /// <summary>Everything of Kaji's kind on this machine: processes, mounts, interfaces, tables, cgroups, run directories.</summary>
    private static async Task<string> TracesAsync() => (await Command.RunAsync("sh", "-c", string.Create(CultureInfo.InvariantCulture, $$"""
        pgrep -xa 'conmon|kaji' | grep -v defunct | sort
        grep -c kaji /proc/self/mountinfo
        ip -o link | grep -oE '(kaji|veth)[^ @:]*' | sort
        ip netns | sort
        nft list tables | grep kaji | sort
        find /sys/fs/cgroup -maxdepth 3 -path '*kaji*' -type d 2>/dev/null | sort
        ls /run/kaji 2>/dev/null | grep -E '^[0-9a-f]{8}$' | sort
        true
        """))).Ok().Output;

    [Fact]
    public async Task Audit_WritesWhatThePolicyAsks()
    {
        var cluster = new TestCluster();
        await cluster.InitializeAsync();
        try
        {
            (await cluster.RunKajiAsync("stop")).Ok();
            var (policy, log) = (Path.Combine(cluster.Data, "policy.yaml"), Path.Combine(cluster.Data, "audit.log"));
            await File.WriteAllTextAsync(policy, "apiVersion: audit.k8s.io/v1\nkind: Policy\nrules: [{level: Much}]\n");
            (await cluster.UpAsync("--audit-policy-file", policy, "--audit-log-path", log)).Refused("rules[0].level: \"Much\" is no level");
            await File.WriteAllTextAsync(policy, "apiVersion: audit.k8s.io/v1\nkind: Policy\nomitStages: [RequestReceived]\nomitManagedFields: true\nrules:\n- {level: RequestResponse, namespaces: [default], resources: [{resources: [configmaps]}]}\n- {level: None}\n");
            (await cluster.UpAsync("--audit-policy-file", policy, "--audit-log-path", log)).Ok();
            (await cluster.KubectlAsync("create", "configmap", "noted", "--from-literal=a=b")).Ok();
            (await cluster.KubectlAsync("get", "configmap", "noted", "--as=nobody")).Refused("forbidden");
            (await cluster.RunKajiAsync("stop")).Ok();
            var events = (await File.ReadAllLinesAsync(log)).Select(l => System.Text.Json.Nodes.JsonNode.Parse(l)!).ToArray();
            var made = events.Single(e => (string?)e["verb"] == "create");
            Assert.Equal(("ResponseComplete", "kubernetes-admin", 201, "allow"), ((string?)made["stage"], (string?)made["user"]!["username"], (int?)made["responseStatus"]!["code"], (string?)made["annotations"]!["authorization.k8s.io/decision"]));
            Assert.Equal("b", (string?)made["requestObject"]!["data"]!["a"]);
            Assert.Equal(("noted", null), ((string?)made["responseObject"]!["metadata"]!["name"], made["responseObject"]!["metadata"]!["managedFields"]));
            var refused = events.Last(e => (string?)e["impersonatedUser"]?["username"] == "nobody");
            Assert.Equal((403, "forbid"), ((int?)refused["responseStatus"]!["code"], (string?)refused["annotations"]!["authorization.k8s.io/decision"]));
            (await cluster.UpAsync()).Ok();
        }
        finally
        {
            await cluster.DisposeAsync();
        }
    }
}
