using System.Net;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json.Nodes;
using Kaji.ApiServer.Admission;
using Kaji.ApiServer.Authentication;
using Kaji.ApiServer.Authorization;
using Kaji.ApiServer.Discovery;
using Kaji.ApiServer.Hosting;
using Kaji.ApiServer.Requests;
using Kaji.Store;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging.Abstractions;

namespace Kaji.ApiServer.Tests.CustomResources;

/// <summary>An answer: its code, its body, and what it warned of.</summary>
public sealed record Reply(int Code, JsonObject Body, IReadOnlyList<string> Warnings)
{
    public string Message => (string?)Body["message"] ?? "";

    public Reply Is(int code)
    {
        Assert.True(Code == code, $"answered {Code}, not {code}: {Body.ToJsonString()}");
        return this;
    }

    /// <summary>Refused, with this sentence.</summary>
    public void Says(int code, string part)
    {
        Is(code);
        Assert.Contains(part, Message, StringComparison.Ordinal);
    }
}

/// <summary>The real pipeline on a real store, in process, with discovery and the loop that establishes definitions.</summary>
public sealed class CustomServer : IAsyncDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(20);
    private readonly string _directory = Directory.CreateTempSubdirectory("kaji-custom-").FullName;
    private readonly RevisionStore _store;
    private readonly Hosting.ApiServer _server;
    private readonly ECDsa _key = ECDsa.Create(ECCurve.NamedCurves.nistP256);

    private CustomServer(IAdmissionPlugin[] more)
    {
        _store = RevisionStore.Open(new StoreOptions { Directory = _directory });
        var lifecycle = new NamespaceLifecycle();
        var options = new ApiServerOptions { Listen = [new IPEndPoint(IPAddress.Loopback, 0)], ServingCertificate = () => throw new InvalidOperationException("no sockets here") };
        _server = new Hosting.ApiServer(options, _store, [lifecycle, .. more], TimeProvider.System, NullLoggerFactory.Instance);
        lifecycle.Objects = _server.Registry;
        _server.Compose(new Nobody(), new Everything(), [], [new DiscoveryDocuments(new ServiceAccountTokens(_key, TimeProvider.System), _server.Catalog).TryHandleAsync]);
        Client = new HttpMessageInvoker(_server.CreateInProcessHandler(new UserInfo("admin", ["system:masters", "system:authenticated"])));
    }

    public HttpMessageInvoker Client { get; }

    public const string Crds = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";

    /// <param name="more">Admission steps beside the one of namespaces.</param>
    public static async Task<CustomServer> StartAsync(params IAdmissionPlugin[] more)
    {
        var server = new CustomServer(more);
        (await server.PostAsync("/api/v1/namespaces", """{"apiVersion":"v1","kind":"Namespace","metadata":{"name":"n"}}""")).Is(201);
        return server;
    }

    /// <summary>A definition <c>things.example.com</c> with one version, ready to be used.</summary>
    /// <param name="schema">Of <c>spec</c>.</param>
    /// <param name="more">More fields of the version, as <c>"subresources":{…},</c>.</param>
    public async Task DefineAsync(string schema, string more = "", string conversion = "")
    {
        var version = $$"""{"name":"v1","served":true,"storage":true,{{more}}"schema":{"openAPIV3Schema":{"type":"object","properties":{"spec":{{schema}},"status":{"type":"object","x-kubernetes-preserve-unknown-fields":true} } } } }""";
        await CreateAsync(Crd($"[{version}]", conversion));
    }

    public static string Crd(string versions, string more = "", string plural = "things", string kind = "Thing", string group = "example.com", string scope = "Namespaced") =>
        $$"""{"apiVersion":"apiextensions.k8s.io/v1","kind":"CustomResourceDefinition","metadata":{"name":"{{plural}}.{{group}}"},"spec":{"group":"{{group}}","scope":"{{scope}}","names":{"plural":"{{plural}}","kind":"{{kind}}","shortNames":["{{plural[..2]}}"],"categories":["all"]},{{more}}"versions":{{versions}} } }""";

    /// <summary>Creates a definition and waits until it is established.</summary>
    public async Task<JsonObject> CreateAsync(string crd)
    {
        var made = (await PostAsync(Crds, crd)).Is(201).Body;
        var name = (string)made["metadata"]!["name"]!;
        return (await UntilAsync($"{Crds}/{name}", r => Condition(r.Body, "Established") == "True")).Body;
    }

    public static string? Condition(JsonObject crd, string type) => (string?)(crd["status"]?["conditions"] as JsonArray)?.FirstOrDefault(c => (string?)c!["type"] == type)?["status"];

    public static string Things(string ns = "n", string version = "v1") => $"/apis/example.com/{version}/namespaces/{ns}/things";

    public static string Thing(string name, string fields, string version = "v1") => $$"""{"apiVersion":"example.com/{{version}}","kind":"Thing","metadata":{"name":"{{name}}"},{{fields}} }""";

    public Task<Reply> GetAsync(string path, string accept = "application/json") => SendAsync("GET", path, null, accept: accept);

    public Task<Reply> PostAsync(string path, string body) => SendAsync("POST", path, body);

    public Task<Reply> PutAsync(string path, string body) => SendAsync("PUT", path, body);

    public Task<Reply> PatchAsync(string path, string body, string type = "application/merge-patch+json") => SendAsync("PATCH", path, body, type);

    public Task<Reply> DeleteAsync(string path) => SendAsync("DELETE", path, null);

    public async Task<Reply> SendAsync(string method, string path, string? body, string type = "application/json", string accept = "application/json")
    {
        using var request = new HttpRequestMessage(new HttpMethod(method), "https://in-process" + path);
        request.Headers.TryAddWithoutValidation("Accept", accept);
        request.Headers.TryAddWithoutValidation("User-Agent", "tester/1");
        if (body is not null)
        {
            request.Content = new StringContent(body, Encoding.UTF8, type);
        }

        using var response = await Client.SendAsync(request, CancellationToken.None);
        return new Reply((int)response.StatusCode, JsonNode.Parse(await response.Content.ReadAsStringAsync())!.AsObject(), response.Headers.TryGetValues("Warning", out var warnings) ? [.. warnings] : []);
    }

    /// <summary>The lines of a watch.</summary>
    public async Task<StreamReader> WatchAsync(string path)
    {
        var response = await Client.SendAsync(new HttpRequestMessage(HttpMethod.Get, "https://in-process" + path), CancellationToken.None);
        Assert.Equal(200, (int)response.StatusCode);
        return new StreamReader(await response.Content.ReadAsStreamAsync());
    }

    public async Task<Reply> UntilAsync(string path, Func<Reply, bool> holds)
    {
        var end = TimeProvider.System.GetUtcNow() + Patience;
        while (true)
        {
            var reply = await GetAsync(path);
            if (holds(reply))
            {
                return reply;
            }

            Assert.True(TimeProvider.System.GetUtcNow() < end, $"{path}: {reply.Code} {reply.Body.ToJsonString()}");
            await Task.Delay(5); // poll interval of a condition
        }
    }

    public async ValueTask DisposeAsync()
    {
        Client.Dispose();
        await _server.DisposeAsync();
        await _store.DisposeAsync();
        _key.Dispose();
        Directory.Delete(_directory, recursive: true);
    }

    private sealed class Nobody : IAuthenticator
    {
        public ValueTask<UserInfo?> AuthenticateAsync(HttpContext context) => ValueTask.FromResult<UserInfo?>(null);
    }

    private sealed class Everything : IAuthorizer
    {
        public Decision Authorize(UserInfo user, RequestInfo request) => new(true, "test");
    }
}
