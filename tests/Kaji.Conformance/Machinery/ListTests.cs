namespace Kaji.Conformance.Machinery;

/// <summary>Rows about lists, tables, discovery and the version.</summary>
public sealed class ListTests(ConformanceCluster cluster)
{
    private const string Aggregated = "application/json;g=apidiscovery.k8s.io;v={0};as=APIGroupDiscoveryList";

    [Fact]
    [ConformanceRow("[sig-api-machinery] Servers with support for API chunking should return chunks of results for list calls [Conformance]")]
    public async Task Chunks_HoldOneVersion_AndCountDown()
    {
        var api = cluster.Admin;
        var templates = $"/api/v1/namespaces/{await cluster.NamespaceAsync()}/podtemplates";
        await Parallel.ForEachAsync(Enumerable.Range(0, 40), async (i, _) => (await api.PostAsync(templates, Template(i))).Ok(201));
        var (seen, token, version) = (new List<string>(), "", "");
        do
        {
            var page = (await api.GetAsync($"{templates}?limit=15{(token.Length > 0 ? "&continue=" + Uri.EscapeDataString(token) : "")}")).Ok().Json;
            seen.AddRange(page["items"]!.AsArray().Select(i => (string)i!["metadata"]!["name"]!));
            var metadata = page["metadata"]!;
            version = version.Length == 0 ? (string)metadata["resourceVersion"]! : version;
            Assert.Equal(version, (string)metadata["resourceVersion"]!);
            Assert.Equal(40 - seen.Count, (int?)metadata["remainingItemCount"] ?? 0);
            token = (string?)metadata["continue"] ?? "";
        }
        while (token.Length > 0);
        Assert.Equal(Enumerable.Range(0, 40).Select(i => $"template-{i:0000}"), seen);
        Assert.Equal(40, (await api.GetAsync($"{templates}?limit=0")).Ok().Json["items"]!.AsArray().Count);
    }

    [Fact]
    [ConformanceRow("[sig-api-machinery] Servers with support for API chunking should support continue listing from the last key if the original version has been compacted away, though the list is inconsistent [Slow] [Conformance]")]
    public async Task Chunks_WhoseVersionIsCompacted_GoOnAtTheNewest()
    {
        var api = cluster.Admin;
        var ns = await cluster.NamespaceAsync();
        var templates = $"/api/v1/namespaces/{ns}/podtemplates";
        await Parallel.ForEachAsync(Enumerable.Range(0, 9), async (i, _) => (await api.PostAsync(templates, Template(i))).Ok(201));
        var first = (await api.GetAsync($"{templates}?limit=3")).Ok().Json["metadata"]!;
        var token = Uri.EscapeDataString((string)first["continue"]!);
        Answer answer;
        do
        {
            await Parallel.ForEachAsync(Enumerable.Range(0, 32), async (i, _) =>
            {
                for (var n = 0; n < 64; n++)
                {
                    (await api.PostAsync($"/api/v1/namespaces/{ns}/configmaps", "{\"metadata\":{\"generateName\":\"filler-\"}}")).Ok(201);
                }
            });
            answer = await api.GetAsync($"{templates}?limit=3&continue={token}");
        }
        while (answer.Code == 200);
        answer.Refused(410, "The provided continue parameter is too old");
        Assert.Equal("Expired", answer.Reason);
        (await api.DeleteAsync($"/api/v1/namespaces/{ns}/configmaps")).Ok();

        var inconsistent = Uri.EscapeDataString((string)answer.Json["metadata"]!["continue"]!);
        var second = (await api.GetAsync($"{templates}?limit=3&continue={inconsistent}")).Ok().Json;
        Assert.NotEqual((string)first["resourceVersion"]!, (string)second["metadata"]!["resourceVersion"]!);
        var third = (await api.GetAsync($"{templates}?limit=3&continue={Uri.EscapeDataString((string)second["metadata"]!["continue"]!)}")).Ok().Json;
        Assert.Equal((string)second["metadata"]!["resourceVersion"]!, (string)third["metadata"]!["resourceVersion"]!);
        Assert.Equal(Enumerable.Range(3, 6).Select(i => $"template-{i:0000}"), second["items"]!.AsArray().Concat(third["items"]!.AsArray()).Select(i => (string)i!["metadata"]!["name"]!));
        Assert.Null((string?)third["metadata"]!["continue"]);
    }

    [Fact]
    [ConformanceRow("[sig-api-machinery] Servers with support for Table transformation should return a 406 for a backend which does not implement metadata [Conformance]")]
    public async Task Table_OfAReview_Is406()
    {
        var answer = await cluster.Admin.PostAsync(
            "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews", """{"apiVersion":"authorization.k8s.io/v1","kind":"SelfSubjectAccessReview","spec":{"resourceAttributes":{"verb":"get","resource":"pods"}}}""",
            accept: "application/json;as=Table;v=v1;g=meta.k8s.io");
        answer.Refused(406);
        Assert.Equal("NotAcceptable", answer.Reason);
    }

    [Fact]
    public async Task Table_OfPods_HasItsColumns()
    {
        var table = (await cluster.Admin.GetAsync("/api/v1/namespaces/default/pods", "application/json;as=Table;v=v1;g=meta.k8s.io")).Ok().Json;
        Assert.Equal("Table", (string)table["kind"]!);
        Assert.Equal(["Name", "Ready", "Status", "Restarts", "Age"], table["columnDefinitions"]!.AsArray().Where(c => (int)c!["priority"]! == 0).Select(c => (string)c!["name"]!));
    }

    [Fact]
    [ConformanceRow("[sig-api-machinery] server version should find the server version [Conformance]")]
    public async Task Version_IsPlainIntegers()
    {
        var version = (await cluster.Admin.GetAsync("/version")).Ok().Json;
        Assert.Matches("^[1-9][0-9]*$", (string)version["major"]!);
        Assert.Matches("^[1-9][0-9]*$", (string)version["minor"]!);
    }

    [Fact]
    [ConformanceRow("[sig-api-machinery] Discovery should validate PreferredVersion for each APIGroup [Conformance]")]
    [ConformanceRow("[sig-api-machinery] Discovery should locate the groupVersion and a resource within each APIGroup [Conformance]")]
    public async Task EachGroup_PrefersAVersionItHas_AndListsItsResources()
    {
        foreach (var named in (await cluster.Admin.GetAsync("/apis")).Ok().Json["groups"]!.AsArray())
        {
            var group = (await cluster.Admin.GetAsync($"/apis/{named!["name"]}")).Ok().Json;
            var versions = group["versions"]!.AsArray().Select(v => (string)v!["groupVersion"]!).ToArray();
            Assert.Contains((string)group["preferredVersion"]!["groupVersion"]!, versions);
            foreach (var version in versions)
            {
                var resources = (await cluster.Admin.GetAsync($"/apis/{version}")).Ok().Json;
                Assert.Equal(("APIResourceList", version), ((string)resources["kind"]!, (string)resources["groupVersion"]!));
                Assert.NotEmpty(resources["resources"]!.AsArray());
                Assert.All(resources["resources"]!.AsArray(), r => Assert.NotEqual("", (string)r!["kind"]!));
            }
        }
    }

    [Theory]
    [InlineData("v2")]
    [InlineData("v2beta1")]
    [ConformanceRow("[sig-api-machinery] AggregatedDiscovery should support raw aggregated discovery endpoint Accept headers [Conformance]")]
    [ConformanceRow("[sig-api-machinery] AggregatedDiscovery should support aggregated discovery interface [Conformance]")]
    public async Task Aggregated_HoldsEverythingThatIsListedOneByOne(string version)
    {
        var accept = string.Format(System.Globalization.CultureInfo.InvariantCulture, Aggregated, version);
        foreach (var root in (string[])["/api", "/apis"])
        {
            var all = (await cluster.Admin.GetAsync(root, accept)).Ok().Json;
            Assert.Equal(("APIGroupDiscoveryList", $"apidiscovery.k8s.io/{version}"), ((string)all["kind"]!, (string)all["apiVersion"]!));
            foreach (var group in all["items"]!.AsArray())
            {
                foreach (var served in group!["versions"]!.AsArray())
                {
                    var path = root == "/api" ? $"/api/{served!["version"]}" : $"/apis/{group["metadata"]!["name"]}/{served!["version"]}";
                    var plain = (await cluster.Admin.GetAsync(path)).Ok().Json["resources"]!.AsArray().Select(r => (string)r!["name"]!).Where(n => !n.Contains('/', StringComparison.Ordinal)).Order(StringComparer.Ordinal);
                    Assert.Equal(plain, served["resources"]!.AsArray().Select(r => (string)r!["resource"]!).Order(StringComparer.Ordinal));
                }
            }
        }

        if (version == "v2")
        {
            Assert.Contains((await cluster.Admin.GetAsync("/api", accept)).Json["items"]![0]!["versions"]![0]!["resources"]!.AsArray(), r => (string)r!["resource"]! == "pods");
        }
    }

    private static string Template(int i) =>
        $$$"""{"apiVersion":"v1","kind":"PodTemplate","metadata":{"name":"template-{{{i:0000}}}"},"template":{"spec":{"containers":[{"name":"test","image":"test2"}]} } }""";
}
