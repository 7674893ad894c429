using System.Buffers;
using System.Text.Json;
using System.Text.Json.Nodes;
using Kaji.Api.Kinds;
using Kaji.Api.OpenApi;
using Kaji.Api.Schemas;

namespace Kaji.Api.Tests.OpenApi;

public sealed class OpenApiDocumentTests
{
    private static readonly JsonObject V2 = Make(w => OpenApiDocument.WriteV2(w, BuiltInResources.All, "v1"));

    private static IEnumerable<(string Group, string Version)> GroupVersions => BuiltInResources.All.Select(r => (r.Group, r.Version)).Distinct();

    [Fact]
    public void V2_HoldsEveryServedKind_WithItsFieldsAsInTheTable()
    {
        var definitions = V2["definitions"]!.AsObject();
        foreach (var (name, definition) in definitions.Where(d => BuiltInSchemas.Find(d.Key) is { Fields.Count: > 0 }).Select(d => (d.Key, BuiltInSchemas.Find(d.Key)!)))
        {
            var properties = definitions[name]!["properties"]!.AsObject();
            Assert.Equal(definition.Fields.Select(f => f.Name), properties.Select(p => p.Key));
            foreach (var field in definition.Fields)
            {
                var written = properties[field.Name]!;
                Assert.Equal(field.PatchMergeKey, (string?)written["x-kubernetes-patch-merge-key"]);
                Assert.Equal(field.ListMapKeys, written["x-kubernetes-list-map-keys"]?.AsArray().Select(k => (string)k!) ?? []);
                Assert.True(written["type"] is not null || written["$ref"] is not null, $"{name}.{field.Name} has no type");
            }
        }

        foreach (var resource in BuiltInResources.All)
        {
            var kind = definitions[BuiltInSchemas.NameOf(resource.Group, resource.Version, resource.Kind)]!;
            Assert.Contains(kind["x-kubernetes-group-version-kind"]!.AsArray(), k => ((string)k!["group"]!, (string)k["version"]!, (string)k["kind"]!) == (resource.Group, resource.Version, resource.Kind));
        }
    }

    [Fact]
    public void NearlyEveryFieldIsDescribed()
    {
        var fields = V2["definitions"]!.AsObject().SelectMany(d => d.Value!["properties"]?.AsObject().Select(p => (Field: $"{d.Key}.{p.Key}", Text: (string?)p.Value!["description"])) ?? []).ToArray();
        var bare = fields.Where(f => string.IsNullOrEmpty(f.Text) && !f.Field.Contains("JSONSchemaProps", StringComparison.Ordinal)).ToArray();
        Assert.True(bare.Length < 30, string.Join(' ', bare.Select(f => f.Field)));
        Assert.True(fields.Length > 2400, $"{fields.Length} fields");
    }

    [Fact]
    public void References_Resolve_AndOperationsHaveNamesOfTheirOwn()
    {
        Check(V2, "#/definitions/", V2["definitions"]!.AsObject());
        foreach (var (group, version) in GroupVersions)
        {
            var document = V3(group, version);
            Check(document, "#/components/schemas/", document["components"]!["schemas"]!.AsObject());
        }

        static void Check(JsonObject document, string prefix, JsonObject schemas)
        {
            foreach (var reference in References(document))
            {
                Assert.StartsWith(prefix, reference, StringComparison.Ordinal);
                Assert.True(schemas.ContainsKey(reference[prefix.Length..]), reference);
            }

            var ids = document["paths"]!.AsObject().SelectMany(p => p.Value!.AsObject()).Where(o => o.Key != "parameters").Select(o => (string)o.Value!["operationId"]!).ToArray();
            Assert.Equal(ids.Distinct(StringComparer.Ordinal), ids);
        }
    }

    [Theory]
    [InlineData("/api/v1/namespaces/{namespace}/pods", "get", "listCoreV1NamespacedPod", "list")]
    [InlineData("/api/v1/pods", "get", "listCoreV1PodForAllNamespaces", "list")]
    [InlineData("/api/v1/namespaces/{namespace}/pods/{name}/exec", "post", "connectCoreV1PostNamespacedPodExec", "connect")]
    [InlineData("/api/v1/nodes/{name}/proxy/{path}", "get", "connectCoreV1GetNodeProxyWithPath", "connect")]
    [InlineData("/apis/apps/v1/namespaces/{namespace}/deployments/{name}/scale", "patch", "patchAppsV1NamespacedDeploymentScale", "patch")]
    [InlineData("/apis/apps/v1/namespaces/{namespace}/deployments", "delete", "deleteAppsV1CollectionNamespacedDeployment", "deletecollection")]
    [InlineData("/apis/rbac.authorization.k8s.io/v1/clusterroles/{name}", "put", "replaceRbacAuthorizationV1ClusterRole", "put")]
    [InlineData("/api/v1/namespaces/{namespace}/pods/{name}/eviction", "post", "createCoreV1NamespacedPodEviction", "post")]
    public void Operations_AreNamedAsKubernetesNamesThem(string path, string method, string id, string action)
    {
        var operation = V2["paths"]![path]![method]!;
        Assert.Equal((id, action), ((string)operation["operationId"]!, (string)operation["x-kubernetes-action"]!));
    }

    [Fact]
    public void Protobuf_HoldsTheSameDefinitions()
    {
        var bytes = OpenApiProtobuf.Bytes(JsonSerializer.SerializeToUtf8Bytes((JsonNode)V2));
        var definitions = Fields(Fields(bytes).Single(f => f.Number == 9).Bytes).Select(d => Fields(d.Bytes)).ToDictionary(d => Text(d.First(f => f.Number == 1).Bytes), d => d.First(f => f.Number == 2).Bytes, StringComparer.Ordinal);
        Assert.Equal(V2["definitions"]!.AsObject().Select(d => d.Key), definitions.Keys);
        var pod = Fields(definitions["io.k8s.api.core.v1.Pod"]);
        Assert.Equal((string)V2["definitions"]!["io.k8s.api.core.v1.Pod"]!["description"]!, Text(pod.First(f => f.Number == 4).Bytes));
        Assert.Equal("""[{"group":"","version":"v1","kind":"Pod"}]""", Text(Fields(Fields(pod.First(f => f.Number == 31).Bytes).First(f => f.Number == 2).Bytes).First(f => f.Number == 2).Bytes));
    }

    private static JsonObject V3(string group, string version) => Make(w => OpenApiDocument.WriteV3(w, [.. BuiltInResources.All.Where(r => (r.Group, r.Version) == (group, version))], "v1"));

    private static JsonObject Make(Action<Utf8JsonWriter> write)
    {
        var buffer = new ArrayBufferWriter<byte>();
        using (var writer = new Utf8JsonWriter(buffer))
        {
            write(writer);
        }

        return (JsonObject)JsonNode.Parse(buffer.WrittenSpan)!;
    }

    private static IEnumerable<string> References(JsonNode? node) => node switch
    {
        JsonObject obj => obj.SelectMany(m => m is { Key: "$ref", Value: JsonValue text } ? [(string)text!] : References(m.Value)),
        JsonArray array => array.SelectMany(References),
        _ => [],
    };

    private static string Text(ReadOnlyMemory<byte> bytes) => System.Text.Encoding.UTF8.GetString(bytes.Span);

    /// <summary>The length-delimited fields of a protobuf message.</summary>
    private static List<(int Number, ReadOnlyMemory<byte> Bytes)> Fields(ReadOnlyMemory<byte> message)
    {
        var fields = new List<(int, ReadOnlyMemory<byte>)>();
        for (var at = 0; at < message.Length;)
        {
            var tag = Varint(ref at);
            switch (tag & 7)
            {
                case 0:
                    Varint(ref at);
                    break;
                case 1:
                    at += 8;
                    break;
                case 2:
                    var length = (int)Varint(ref at);
                    fields.Add(((int)(tag >> 3), message.Slice(at, length)));
                    at += length;
                    break;
                default:
                    Assert.Fail($"wire type {tag & 7} at {at}");
                    break;
            }
        }

        return fields;

        ulong Varint(ref int at)
        {
            ulong value = 0;
            for (var shift = 0; ; shift += 7)
            {
                var next = message.Span[at++];
                value |= (ulong)(next & 0x7F) << shift;
                if (next < 0x80)
                {
                    return value;
                }
            }
        }
    }
}
