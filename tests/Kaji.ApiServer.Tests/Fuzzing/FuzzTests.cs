using System.Globalization;
using System.Text;
using System.Text.Json.Nodes;
using Kaji.ApiServer.Tests.CustomResources;

namespace Kaji.ApiServer.Tests.Fuzzing;

/// <summary>
/// Bad input, made from seeds, to the whole server in process: nothing is answered with a fault of the server, nothing hangs. KAJI_FUZZ_SEEDS=FROM,COUNT runs others than the usual.
/// </summary>
public sealed class FuzzTests(ITestOutputHelper output)
{
    private const int RequestsOfASeed = 40;
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(20);
    private static readonly string[] PatchTypes = ["application/json-patch+json", "application/merge-patch+json", "application/strategic-merge-patch+json", "application/apply-patch+yaml"];

    [Fact]
    public async Task BadInput_IsRefused_AndTheServerGoesOn()
    {
        var given = Environment.GetEnvironmentVariable("KAJI_FUZZ_SEEDS")?.Split(',').Select(n => int.Parse(n, CultureInfo.InvariantCulture)).ToArray() ?? [1, 100];
        await using var server = await CustomServer.StartAsync(new Kaji.ApiServer.Admission.Policies.ExpressionValidation());
        await server.DefineAsync(Seeds.ThingSchema, "\"subresources\":{\"status\":{}},");
        foreach (var (collection, _, json) in Seeds.All)
        {
            (await server.PostAsync(collection, json)).Is(201);
        }

        var codes = new SortedDictionary<int, int>();
        var faults = new List<string>();
        for (var seed = given[0]; seed < given[0] + given[1]; seed++)
        {
            var mutator = new Mutator(new Random(seed));
            for (var i = 0; i < RequestsOfASeed; i++)
            {
                var (request, shown) = Request(mutator);
                using (request)
                {
                    var (code, fault) = await SendAsync(server, request);
                    codes[code] = codes.GetValueOrDefault(code) + 1;
                    if (fault is not null && faults.Count < 20)
                    {
                        faults.Add($"seed {seed}, request {i}: {shown}\n{fault}");
                    }
                }
            }
        }

        output.WriteLine(string.Join(", ", codes.Select(c => $"{c.Key}: {c.Value}")));
        Assert.True(faults.Count == 0, string.Join("\n\n", faults));
        (await server.GetAsync("/api/v1/namespaces/n")).Is(200);
        Assert.True(codes.Count > 5, "the requests are all alike");
        Assert.InRange(GC.GetTotalMemory(forceFullCollection: true), 0, 400L << 20);
    }

    [Theory]
    [InlineData("POST", "/api/v1/namespaces/n/configmaps", 400, 5_000)]
    [InlineData("PATCH", "/api/v1/namespaces/n/configmaps/x", 400, 5_000)]
    public async Task DeepNesting_IsRefused(string method, string path, int code, int depth)
    {
        await using var server = await CustomServer.StartAsync();
        await server.PostAsync("/api/v1/namespaces/n/configmaps", """{"metadata":{"name":"x"}}""");
        var body = "{\"data\":" + string.Concat(Enumerable.Repeat("{\"a\":", depth)) + "1" + new string('}', depth + 1);
        (await server.SendAsync(method, path, body, method == "PATCH" ? "application/merge-patch+json" : "application/json")).Is(code);
    }

    [Fact]
    public async Task LargeBody_IsRefused()
    {
        await using var server = await CustomServer.StartAsync();
        (await server.PostAsync("/api/v1/namespaces/n/configmaps", "{\"metadata\":{\"name\":\"x\"},\"data\":{\"a\":\"" + new string('x', 3 << 20) + "\"}}")).Says(413, "limit is 3145728");
        (await server.PostAsync("/api/v1/namespaces/n/configmaps", "{\"metadata\":{\"name\":\"x\"},\"data\":{\"a\":\"" + new string('x', 2 << 20) + "\"}}")).Says(422, "Too long");
    }

    /// <returns>The code, and what is wrong with the answer.</returns>
    private static async Task<(int Code, string? Fault)> SendAsync(CustomServer server, HttpRequestMessage request)
    {
        using var limit = new CancellationTokenSource(Patience);
        try
        {
            using var response = await server.Client.SendAsync(request, limit.Token);
            var code = (int)response.StatusCode;
            if (request.RequestUri!.Query.Contains("watch", StringComparison.Ordinal) && code == 200)
            {
                return (code, null);
            }

            var text = await response.Content.ReadAsStringAsync(limit.Token);
            return (code, code < 500 || code == 504 ? null : $"answered {code}: {text}");
        }
        catch (OperationCanceledException)
        {
            return (0, $"no answer within {Patience}");
        }
    }

    private static (HttpRequestMessage Request, string Shown) Request(Mutator m)
    {
        var (collection, name, json) = Seeds.All[m.Random.Next(Seeds.All.Length)];
        var (method, path, body, type) = m.Random.Next(10) switch
        {
            0 or 1 => ("POST", collection, m.Bytes(Renamed(m.Spoil(json), m)), Type(m)),
            2 or 3 => ("PUT", $"{collection}/{name}{Sub(m)}", m.Bytes(m.Spoil(json)), Type(m)),
            4 => ("PATCH", $"{collection}/{name}{Sub(m)}", m.Bytes(JsonPatch(m)), PatchTypes[0]),
            5 => ("PATCH", $"{collection}/{name}{Sub(m)}", m.Bytes(m.Spoil(json)), PatchTypes[m.Random.Next(1, 4)]),
            6 => ("PATCH", $"{collection}/{name}", m.Bytes(m.Spoil(json)), PatchTypes[3]),
            7 => ("GET", collection, (byte[]?)null, ""),
            8 => ("GET", Path(m, collection), null, ""),
            _ => ("DELETE", $"{collection}/{m.Random.Next(100)}", m.Random.Next(2) == 0 ? m.Bytes(m.Spoil("""{"kind":"DeleteOptions","apiVersion":"v1","gracePeriodSeconds":0,"propagationPolicy":"Background","preconditions":{"uid":"x"}}""")) : null, "application/json"),
        };
        var query = Query(m, method);
        var request = new HttpRequestMessage(new HttpMethod(method), "https://in-process" + path + query);
        if (body is not null)
        {
            request.Content = new ByteArrayContent(body);
            request.Content.Headers.TryAddWithoutValidation("Content-Type", type);
        }

        request.Headers.TryAddWithoutValidation("Accept", m.Random.Next(6) switch { 0 => "application/json;as=Table;v=v1;g=meta.k8s.io,application/json", 1 => "application/yaml", 2 => "application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io,application/json", _ => "application/json" });
        return (request, $"{method} {path}{query} ({type})\n{(body is null ? "" : Encoding.UTF8.GetString(body, 0, Math.Min(body.Length, 4000)))}");
    }

    private static JsonNode Renamed(JsonNode node, Mutator m)
    {
        if (node is JsonObject obj && obj["metadata"] is JsonObject metadata && metadata["name"] is JsonValue && m.Random.Next(3) > 0 && (string?)obj["kind"]?.ToString() != "CustomResourceDefinition")
        {
            metadata["name"] = $"f{m.Random.Next(1_000_000)}";
        }

        return node;
    }

    private static JsonNode JsonPatch(Mutator m)
    {
        string[] paths = ["/metadata/labels", "/metadata/labels/a", "/spec", "/spec/replicas", "/spec/containers/0/image", "/spec/containers/-", "/spec/containers/99999999999999999999", "/metadata/annotations/a~1b", "", "/", "x", "/~2", "/metadata/name", "/metadata/resourceVersion", "/data/a", "/spec/template/spec/containers/-1"];
        string[] ops = ["add", "remove", "replace", "move", "copy", "test", "nope"];
        return new JsonArray([.. Enumerable.Range(0, m.Random.Next(1, 4)).Select(_ => (JsonNode)new JsonObject
        {
            ["op"] = ops[m.Random.Next(ops.Length)], ["path"] = paths[m.Random.Next(paths.Length)], ["from"] = paths[m.Random.Next(paths.Length)], ["value"] = m.Value(2),
        })]);
    }

    private static string Type(Mutator m) => m.Random.Next(10) switch { 0 => "application/yaml", 1 => "application/vnd.kubernetes.protobuf", 2 => m.Text().Replace('\n', ' ').Replace('\0', ' '), _ => "application/json" };

    private static string Sub(Mutator m) => m.Random.Next(6) switch { 0 => "/status", 1 => "/scale", 2 => "/ephemeralcontainers", _ => "" };

    private static string Path(Mutator m, string collection)
    {
        var parts = collection.Split('/');
        parts[m.Random.Next(1, parts.Length)] = Uri.EscapeDataString(m.Text().Replace("\0", "", StringComparison.Ordinal));
        return string.Join('/', parts);
    }

    private static string Query(Mutator m, string method)
    {
        string[] names = method == "GET"
            ? ["labelSelector", "fieldSelector", "continue", "resourceVersion", "resourceVersionMatch", "limit", "timeoutSeconds", "watch", "sendInitialEvents", "allowWatchBookmarks", "pretty", "includeObject"]
            : ["fieldManager", "fieldValidation", "dryRun", "force", "propagationPolicy", "gracePeriodSeconds", "orphanDependents", "timeout", "pretty"];
        string[] values = ["a in (b,c)", "a notin (", "!a,b!=c", "a=b=c", "metadata.name=x", "spec.nodeName!=", "status.phase=Running,a", "MTox", "MToxOi9yZWdpc3RyeS8", "0", "1", "-1", "99999999999999999999", "true", "Strict", "Warn", "All", "Exact", "NotOlderThan", "Foreground", "500", "x~", "a>1", "a<z"];
        var chosen = Enumerable.Range(0, m.Random.Next(4)).Select(_ => $"{names[m.Random.Next(names.Length)]}={Uri.EscapeDataString(m.Random.Next(4) == 0 ? m.Text() : values[m.Random.Next(values.Length)])}").ToArray();
        return chosen.Length == 0 ? "" : "?" + string.Join('&', chosen);
    }
}
