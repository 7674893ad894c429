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
}
