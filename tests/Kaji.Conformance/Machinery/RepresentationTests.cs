using System.IO.Compression;
using System.Text.Json.Nodes;

namespace Kaji.Conformance.Machinery;

/// <summary>How answers look, and what lists and watches may not ask.</summary>
public sealed class RepresentationTests(ConformanceCluster cluster)
{
    private readonly Api _api = cluster.Admin;

    [Fact]
    public async Task Yaml_ReadsBackTheSame()
    {
        var ns = await cluster.NamespaceAsync();
        var body = """{"metadata":{"name":"words"},"data":{"yes":"no","number":"012","empty":"","lines":"a\nb: c\n","quote":"say \"hi\" # there","plain":"two words","date":"2026-01-01","e":"1e3","tilde":"~","colon":"a: b","dash":"- a","space":" a "}}""";
        (await _api.PostAsync($"/api/v1/namespaces/{ns}/configmaps", body)).Ok(201);
        var yaml = (await _api.GetAsync($"/api/v1/namespaces/{ns}/configmaps/words", "application/yaml")).Ok().Text;
        Assert.DoesNotContain("{", yaml.Split("fieldsV1")[0], StringComparison.Ordinal);
        var copied = yaml.Replace("name: words", "name: copied", StringComparison.Ordinal).Replace("resourceVersion:", "generateName: x\n  # ", StringComparison.Ordinal);
        (await _api.PostAsync($"/api/v1/namespaces/{ns}/configmaps", copied, "application/yaml")).Ok(201);
        var (one, two) = ((await _api.GetAsync($"/api/v1/namespaces/{ns}/configmaps/words")).Ok().Json["data"], (await _api.GetAsync($"/api/v1/namespaces/{ns}/configmaps/copied")).Ok().Json["data"]);
        Assert.True(JsonNode.DeepEquals(one, two), two!.ToJsonString());
        Assert.Contains("reason: NotFound", (await _api.GetAsync($"/api/v1/namespaces/{ns}/configmaps/none", "application/yaml")).Text, StringComparison.Ordinal);
        (await _api.GetAsync($"/api/v1/namespaces/{ns}/configmaps?watch=1&timeoutSeconds=1", "application/yaml")).Refused(406);
    }

    [Fact]
    public async Task Pretty_IsForPeople()
    {
        Assert.Contains("\n  \"kind\": \"Namespace\"", (await _api.GetAsync("/api/v1/namespaces/default?pretty=true")).Ok().Text, StringComparison.Ordinal);
        Assert.DoesNotContain("\n", (await _api.GetAsync("/api/v1/namespaces/default?pretty=false")).Ok().Text, StringComparison.Ordinal);
        Assert.Contains("\n  \"items\": [", (await _api.GetAsync("/api/v1/namespaces?pretty=1")).Ok().Text, StringComparison.Ordinal);
    }

    [Fact]
    public async Task LargeAnswers_AreCompressed_WhenAsked()
    {
        var ns = await cluster.NamespaceAsync();
        var maps = $"/api/v1/namespaces/{ns}/configmaps";
        (await _api.PostAsync(maps, "{\"metadata\":{\"name\":\"large\"},\"data\":{\"text\":\"" + new string('x', 200_000) + "\"}}")).Ok(201);
        foreach (var path in (string[])[maps, maps + "/large"])
        {
            var plain = (await _api.GetAsync(path)).Ok().Text;
            using var request = new HttpRequestMessage(HttpMethod.Get, path);
            request.Headers.Add("Accept-Encoding", "gzip");
            using var response = await _api.Http.SendAsync(request);
            Assert.Equal("gzip", Assert.Single(response.Content.Headers.ContentEncoding));
            var bytes = await response.Content.ReadAsByteArrayAsync();
            Assert.InRange(bytes.Length, 1, 20_000);
            using var reader = new StreamReader(new GZipStream(new MemoryStream(bytes), CompressionMode.Decompress));
            Assert.Equal(WithoutListVersion(plain), WithoutListVersion(await reader.ReadToEndAsync()));
        }
    }

    [Theory]
    [InlineData("resourceVersionMatch=Exact", "resourceVersionMatch: Forbidden: resourceVersionMatch is forbidden unless resourceVersion is provided")]
    [InlineData("resourceVersionMatch=Exact&resourceVersion=0", "resourceVersionMatch: Forbidden: resourceVersionMatch \"exact\" is forbidden for resourceVersion \"0\"")]
    [InlineData("resourceVersionMatch=Foo&resourceVersion=5", "resourceVersionMatch: Unsupported value: \"Foo\": supported values: \"Exact\", \"NotOlderThan\", \"\"")]
    [InlineData("sendInitialEvents=true", "sendInitialEvents: Forbidden: sendInitialEvents is forbidden for list")]
    [InlineData("watch=1&sendInitialEvents=true", "resourceVersionMatch: Forbidden: sendInitialEvents requires setting resourceVersionMatch to NotOlderThan")]
    [InlineData("watch=1&resourceVersionMatch=NotOlderThan", "resourceVersionMatch: Forbidden: resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided")]
    public async Task Options_ThatDoNotGoTogether_AreRefused(string query, string why) => (await _api.GetAsync("/api/v1/namespaces?" + query)).Refused(422, why);

    [Fact]
    public async Task StreamingList_SendsWhatIsThere_ThenItsEnd()
    {
        var ns = await cluster.NamespaceAsync();
        var templates = $"/api/v1/namespaces/{ns}/podtemplates";
        (await _api.PostAsync(templates, """{"metadata":{"name":"one"},"template":{"spec":{"containers":[{"name":"c","image":"x"}]}}}""")).Ok(201);
        var lines = (await _api.GetAsync(templates + "?watch=1&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true&timeoutSeconds=1")).Ok().Text.Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(l => JsonNode.Parse(l)!).ToArray();
        Assert.Equal(("ADDED", "one"), ((string)lines[0]["type"]!, (string)lines[0]["object"]!["metadata"]!["name"]!));
        Assert.Equal(("BOOKMARK", "true"), ((string)lines[1]["type"]!, (string)lines[1]["object"]!["metadata"]!["annotations"]!["k8s.io/initial-events-end"]!));
        Assert.Equal("", (await _api.GetAsync(templates + "?watch=1&sendInitialEvents=false&resourceVersionMatch=NotOlderThan&timeoutSeconds=1")).Ok().Text);
    }

    /// <summary>A list's version is the store's, which others write to as well.</summary>
    private static string WithoutListVersion(string text)
    {
        var node = JsonNode.Parse(text)!.AsObject();
        if (node["items"] is not null)
        {
            node["metadata"]!.AsObject().Remove("resourceVersion");
        }

        return node.ToJsonString();
    }

    [Fact]
    public async Task Server_TellsOfItself_UnderKubernetesNames()
    {
        var metrics = (await _api.GetAsync("/metrics")).Ok().Text;
        foreach (var name in (string[])[
            "apiserver_request_total{", "apiserver_request_duration_seconds_bucket{", "apiserver_current_inflight_requests{request_kind=\"readOnly\"}", "apiserver_longrunning_requests ", "apiserver_storage_objects{resource=\"namespaces\"}",
            "apiserver_flowcontrol_nominal_limit_seats{priority_level=\"workload-low\"}", "apiserver_flowcontrol_dispatched_requests_total{priority_level=\"exempt\"}", "authorization_attempts_total{result=\"allowed\"}", "process_resident_memory_bytes ",
        ])
        {
            Assert.Contains("\n" + name, metrics, StringComparison.Ordinal);
        }

        Assert.Contains("[+]etcd ok", (await _api.GetAsync("/readyz?verbose")).Ok().Text, StringComparison.Ordinal);
        Assert.Contains("[+]etcd excluded: ok", (await _api.GetAsync("/readyz?verbose&exclude=etcd")).Ok().Text, StringComparison.Ordinal);
        Assert.Equal("ok", (await _api.GetAsync("/readyz/shutdown")).Ok().Text);
    }

    [Theory]
    [InlineData("abc", 400)]
    [InlineData("5", 400)]
    [InlineData("1m30s", 200)]
    [InlineData("0", 200)]
    public async Task Timeout_IsADuration(string timeout, int code) => Assert.Equal(code, (await _api.GetAsync($"/api/v1/namespaces/default?timeout={timeout}")).Code);

    [Fact]
    public async Task FlowSchemas_AreThere_AndSayWhenTheyDangle()
    {
        const string Schemas = "/apis/flowcontrol.apiserver.k8s.io/v1/flowschemas";
        await _api.UntilAsync(Schemas + "/system-nodes", a => (string?)a.Ok().Json["status"]?["conditions"]?[0]?["status"] == "False");
        (await _api.PostAsync(Schemas, """{"metadata":{"name":"loose"},"spec":{"priorityLevelConfiguration":{"name":"nowhere"},"rules":[{"subjects":[{"kind":"User","user":{"name":"nobody-at-all"}}],"nonResourceRules":[{"verbs":["get"],"nonResourceURLs":["/version"]}]}]}}""")).Ok(201);
        await _api.UntilAsync(Schemas + "/loose", a => (string?)a.Ok().Json["status"]?["conditions"]?[0]?["status"] == "True");
        (await _api.DeleteAsync(Schemas + "/loose")).Ok();
        (await _api.DeleteAsync(Schemas + "/catch-all")).Ok();
        await _api.UntilAsync(Schemas + "/catch-all", a => a.Code == 200);
        using var response = await _api.Http.GetAsync("/api/v1/namespaces/default");
        Assert.NotEmpty(Assert.Single(response.Headers.GetValues("X-Kubernetes-PF-FlowSchema-UID")));
    }
}
