namespace Kaji.Clients;

/// <summary>Helm 4 as users run it: a chart with a definition, an object of it, a Deployment that must get ready, hooks and a test.</summary>
[Collection("one cluster at a time")]
public sealed class HelmTests(TestCluster cluster) : IClassFixture<TestCluster>
{
    private static readonly string Chart = Path.Combine(AppContext.BaseDirectory, "chart");

    [Fact]
    public async Task Chart_InstalledUpgradedRolledBackTestedUninstalled()
    {
        var ns = await cluster.NamespaceAsync();
        (await HelmAsync(ns, "install", "tea", Chart, "--wait", "--timeout=60s")).Ok();
        Assert.Equal("EUR", (string?)(await cluster.GetAsync("goods.shop.example.com", "tea-tea", "-n", ns))["spec"]!["currency"]);
        Assert.Matches(@"tea-tea +1\b", (await cluster.KubectlAsync("-n", ns, "get", "gd")).Ok().Output);
        Assert.Equal("pre-install of revision 1\n", (await cluster.KubectlAsync("-n", ns, "logs", "tea-pre-install")).Ok().Output);
        Assert.Equal("post-install of revision 1\n", (await cluster.KubectlAsync("-n", ns, "logs", "tea-post-install")).Ok().Output);
        Assert.Contains("deployed", (await HelmAsync(ns, "list")).Ok().Output, StringComparison.Ordinal);
        Assert.Contains("Succeeded", (await HelmAsync(ns, "test", "tea", "--timeout=60s")).Ok().Output, StringComparison.Ordinal);

        (await HelmAsync(ns, "upgrade", "tea", Chart, "--set", "answer=two,replicas=2", "--wait", "--timeout=60s")).Ok();
        Assert.Equal("pre-upgrade of revision 2\n", (await cluster.KubectlAsync("-n", ns, "logs", "tea-pre-upgrade")).Ok().Output);
        Assert.Equal(2, (int?)(await cluster.GetAsync("deploy", "tea-web", "-n", ns))["status"]!["readyReplicas"]);
        (await HelmAsync(ns, "test", "tea", "--timeout=60s")).Ok();

        (await HelmAsync(ns, "upgrade", "tea", Chart, "--set", "answer=three,broken=true", "--wait", "--timeout=5s")).Refused("");
        Assert.Contains("failed", (await HelmAsync(ns, "history", "tea")).Ok().Output, StringComparison.Ordinal);
        (await HelmAsync(ns, "rollback", "tea", "2", "--wait", "--timeout=60s")).Ok();
        Assert.Equal("post-rollback of revision 2\n", (await cluster.KubectlAsync("-n", ns, "logs", "tea-post-rollback")).Ok().Output);
        Assert.Equal("two", (string?)(await cluster.GetAsync("cm", "tea-pages", "-n", ns))["data"]!["index.html"]);
        (await HelmAsync(ns, "test", "tea", "--timeout=60s")).Ok();

        (await HelmAsync(ns, "upgrade", "tea", Chart, "--set", "replicas=0", "--timeout=20s")).Refused("spec.price");
        (await HelmAsync(ns, "uninstall", "tea", "--wait", "--timeout=60s")).Ok();
        Assert.Equal("pre-delete of revision 5\n", (await cluster.KubectlAsync("-n", ns, "logs", "tea-pre-delete")).Ok().Output);
        Assert.Empty((await cluster.GetAsync("deploy,svc,gd", "-n", ns))["items"]!.AsArray());
        (await cluster.KubectlAsync("get", "crd", "goods.shop.example.com")).Ok();
    }

    private Task<Outcome> HelmAsync(string ns, params string[] arguments) =>
        Command.RunAsync(Path.Combine(TestCluster.Clients, "helm"), ["--kubeconfig", cluster.Kubeconfig, "-n", ns, .. arguments], null, new Dictionary<string, string>(StringComparer.Ordinal) { ["HOME"] = cluster.Data });
}
