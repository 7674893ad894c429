using System.Text.Json.Nodes;

namespace Kaji.Conformance.Definitions;

/// <summary>A CustomResourceDefinition of one test, in a group of its own.</summary>
public sealed class Definition : IAsyncDisposable
{
    public const string Collection = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";
    public const string Open = """{"type":"object","x-kubernetes-preserve-unknown-fields":true}""";
    private static int _serial;
    private readonly Api _api;

    private Definition(Api api, int serial)
    {
        (_api, Group, Plural) = (api, $"g{serial}.example.com", $"test{serial}crds");
    }

    public string Group { get; }

    /// <summary>Its own too: kubectl explain knows a resource by this word alone.</summary>
    public string Plural { get; }

    public string Name => $"{Plural}.{Group}";

    public string Path => $"{Collection}/{Name}";

    /// <summary>Established when this returns.</summary>
    /// <param name="versions">JSON of spec.versions; see <see cref="Version"/>.</param>
    public static async Task<Definition> CreateAsync(Api api, string versions, string more = "", string labels = "")
    {
        var made = new Definition(api, Interlocked.Increment(ref _serial));
        (await api.PostAsync(Collection, made.Json(versions, more, labels))).Ok(201);
        await made.EstablishedAsync();
        return made;
    }

    public static string Version(string name, bool storage = true, string schema = Open, string more = "", bool served = true) =>
        "{\"name\":\"" + name + "\",\"served\":" + (served ? "true" : "false") + ",\"storage\":" + (storage ? "true" : "false") + ",\"schema\":{\"openAPIV3Schema\":" + schema + "}" + (more.Length > 0 ? "," + more : "") + "}";

    public string Json(string versions, string more = "", string labels = "") =>
        "{\"apiVersion\":\"apiextensions.k8s.io/v1\",\"kind\":\"CustomResourceDefinition\",\"metadata\":{\"name\":\"" + Name + "\",\"labels\":{" + labels + "}},\"spec\":{\"group\":\"" + Group
        + "\",\"scope\":\"Namespaced\",\"names\":{\"plural\":\"" + Plural + "\",\"singular\":\"" + Plural[..^1] + "\",\"kind\":\"TestCrd\",\"listKind\":\"TestCrdList\"},\"versions\":[" + versions + "]" + (more.Length > 0 ? "," + more : "") + "}}";

    public Task<Answer> EstablishedAsync() => _api.UntilAsync(Path, a => a.Code == 200 && a.Json["status"]?["conditions"]?.AsArray().Any(c => (string)c!["type"]! == "Established" && (string)c["status"]! == "True") == true);

    public string Objects(string ns, string version = "v1") => $"/apis/{Group}/{version}/namespaces/{ns}/{Plural}";

    /// <param name="fields">Members beside apiVersion, kind and metadata.</param>
    public string Object(string name, string fields = "", string version = "v1", string metadata = "") =>
        "{\"apiVersion\":\"" + Group + "/" + version + "\",\"kind\":\"TestCrd\",\"metadata\":{\"name\":\"" + name + "\"" + (metadata.Length > 0 ? "," + metadata : "") + "}" + (fields.Length > 0 ? "," + fields : "") + "}";

    /// <summary>Name of its definition in OpenAPI v2.</summary>
    public string OpenApiName(string version = "v1", string kind = "TestCrd") => $"{string.Join('.', Group.Split('.').Reverse())}.{version}.{kind}";

    public async Task<JsonNode> ReadAsync() => (await _api.GetAsync(Path)).Ok().Json;

    public async ValueTask DisposeAsync()
    {
        await _api.DeleteAsync(Path);
        await _api.UntilAsync(Path, a => a.Code == 404);
    }
}
