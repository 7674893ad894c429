using System.Text.Json.Nodes;
using Kaji.Conformance.Admission;

namespace Kaji.Conformance.Definitions;

/// <summary>Rows about conversion between versions by a webhook.</summary>
public sealed class ConversionTests(ConformanceCluster cluster)
{
    private const string Prefix = "[sig-api-machinery] CustomResourceConversionWebhook [Privileged:ClusterAdmin] ";
    private readonly Api _api = cluster.Admin;

    [Fact]
    [ConformanceRow(Prefix + "should be able to convert from CR v1 to CR v2 [Conformance]")]
    [ConformanceRow(Prefix + "should be able to convert a non homogeneous list of CRs [Conformance]")]
    public async Task ReadAtAnotherVersion_IsConverted_AlsoInListsOfSeveral()
    {
        var ns = await cluster.NamespaceAsync();
        await using var server = await WebhookServer.StartAsync(("/", Convert));
        var conversion = $$$""" "conversion":{"strategy":"Webhook","webhook":{"clientConfig":{{{server.ClientConfig("/")}}},"conversionReviewVersions":["v1"]} } """;
        await using var definition = await Definition.CreateAsync(_api, Definition.Version("v1") + "," + Definition.Version("v2", storage: false), conversion);
        (await _api.PostAsync(definition.Objects(ns), definition.Object("first", "\"hostPort\":\"localhost:8080\""))).Ok(201);
        var read = (await _api.GetAsync($"{definition.Objects(ns, "v2")}/first")).Ok().Json;
        Assert.Equal((definition.Group + "/v2", "localhost", "8080"), ((string)read["apiVersion"]!, (string)read["host"]!, (string)read["port"]!));
        Assert.Null(read["hostPort"]);

        (await _api.PatchAsync(definition.Path, """[{"op":"replace","path":"/spec/versions/0/storage","value":false},{"op":"replace","path":"/spec/versions/1/storage","value":true}]""", "application/json-patch+json")).Ok();
        await _api.UntilAsync(definition.Path, a => a.Ok().Json["status"]!["storedVersions"]!.AsArray().Count == 2);
        (await _api.PostAsync(definition.Objects(ns, "v2"), definition.Object("second", "\"host\":\"example.com\",\"port\":\"80\"", "v2"))).Ok(201);
        var newer = (await _api.GetAsync(definition.Objects(ns, "v2"))).Ok().Json["items"]!.AsArray();
        Assert.Equal(["localhost:8080", "example.com:80"], newer.Select(i => $"{i!["host"]}:{i["port"]}"));
        var older = (await _api.GetAsync(definition.Objects(ns))).Ok().Json["items"]!.AsArray();
        Assert.Equal(["localhost:8080", "example.com:80"], older.Select(i => (string)i!["hostPort"]!));
        Assert.All(older, i => Assert.Equal(definition.Group + "/v1", (string)i!["apiVersion"]!));
    }

    private static Task<JsonObject> Convert(JsonNode request)
    {
        var wanted = (string)request["desiredAPIVersion"]!;
        var converted = request["objects"]!.AsArray().Select(o =>
        {
            var obj = o!.DeepClone().AsObject();
            if (wanted.EndsWith("/v2", StringComparison.Ordinal) && (string?)obj["hostPort"] is { } both)
            {
                obj.Remove("hostPort");
                (obj["host"], obj["port"]) = (both.Split(':')[0], both.Split(':')[1]);
            }
            else if (wanted.EndsWith("/v1", StringComparison.Ordinal) && obj["host"] is not null)
            {
                obj["hostPort"] = $"{obj["host"]}:{obj["port"]}";
                obj.Remove("host");
                obj.Remove("port");
            }

            obj["apiVersion"] = wanted;
            return (JsonNode)obj;
        });
        return Task.FromResult(new JsonObject { ["result"] = new JsonObject { ["status"] = "Success" }, ["convertedObjects"] = new JsonArray([.. converted]) });
    }
}
