using System.Net;
using System.Text;
using System.Text.Json.Nodes;
using Kaji.ApiServer.Admission;
using Kaji.ApiServer.Authentication;
using Kaji.ApiServer.Authorization;
using Kaji.ApiServer.Discovery;
using Kaji.ApiServer.Hosting;
using Kaji.ApiServer.Requests;
using Kaji.Client;
using Kaji.Controllers.Discovery;
using Kaji.Store;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging.Abstractions;

namespace Kaji.Controllers.Tests;

/// <summary>The real API server on a real store, in process: what controllers see in a cluster.</summary>
public sealed class TestApi : IAsyncDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(20);
    private readonly string _directory = Directory.CreateTempSubdirectory("kaji-controllers-").FullName;
    private readonly RevisionStore _store;
    private readonly ApiServer.Hosting.ApiServer _server;
    private readonly CancellationTokenSource _stop = new();
    private readonly List<Task> _running = [];

    private TestApi()
    {
        _store = RevisionStore.Open(new StoreOptions { Directory = _directory });
        var lifecycle = new NamespaceLifecycle();
        var options = new ApiServerOptions { Listen = [new IPEndPoint(IPAddress.Loopback, 0)], ServingCertificate = () => throw new InvalidOperationException("no sockets here") };
        _server = new ApiServer.Hosting.ApiServer(options, _store, [lifecycle], TimeProvider.System, NullLoggerFactory.Instance);
        lifecycle.Objects = _server.Registry;
        var tokens = new ServiceAccountTokens(System.Security.Cryptography.ECDsa.Create(System.Security.Cryptography.ECCurve.NamedCurves.nistP256), TimeProvider.System);
        _server.Compose(new Nobody(), new Everything(), [], [new DiscoveryDocuments(tokens, _server.Catalog).TryHandleAsync]);
        Client = new ApiClient(new HttpMessageInvoker(_server.CreateInProcessHandler(new UserInfo("test", ["system:masters", "system:authenticated"]))), new Uri("https://in-process"), "test");
    }

    public IApiClient Client { get; }

    public static async Task<TestApi> StartAsync(params string[] namespaces)
    {
        var api = new TestApi();
        foreach (var ns in namespaces)
        {
            await api.CreateAsync("/api/v1/namespaces", $$"""{"apiVersion":"v1","kind":"Namespace","metadata":{"name":"{{ns}}"} }""");
        }

        return api;
    }

    /// <summary>Runs informers and controllers until the test ends.</summary>
    public async Task RunAsync(InformerFactory? informers, params Controller[] controllers)
    {
        if (informers is not null)
        {
            _running.Add(informers.RunAsync(_stop.Token));
            await informers.WaitForSyncAsync(_stop.Token);
        }

        _running.AddRange(controllers.Select(c => c.RunAsync(_stop.Token)));
    }

    /// <returns>The uid.</returns>
    public async Task<string> CreateAsync(string collection, string json)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, collection) { Content = new StringContent(json, Encoding.UTF8, "application/json") };
        using var response = await Client.SendAsync(request);
        await RawCalls.ThrowIfFailedAsync(response, default);
        return (string)JsonNode.Parse(await response.Content.ReadAsByteArrayAsync())!["metadata"]!["uid"]!;
    }

    /// <summary>A ConfigMap in <c>test</c>: the plainest thing that can own and be owned.</summary>
    public Task<string> CreateMapAsync(string name, params string[] owners) => CreateAsync(
        "/api/v1/namespaces/test/configmaps",
        $$"""{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"{{name}}","ownerReferences":[{{string.Join(',', owners)}}]} }""");

    public static string Owner(string name, string uid, bool block = false, string kind = "ConfigMap") =>
        $$"""{"apiVersion":"v1","kind":"{{kind}}","name":"{{name}}","uid":"{{uid}}","blockOwnerDeletion":{{(block ? "true" : "false")}}}""";

    public Task SendAsync(HttpMethod method, string path, string body, string type = "application/merge-patch+json") => RawCalls.SendAsync(Client, method, path, body, type, default);

    public Task DeleteAsync(string path, string policy = "Background") =>
        SendAsync(HttpMethod.Delete, path, $$"""{"kind":"DeleteOptions","apiVersion":"v1","propagationPolicy":"{{policy}}"}""", "application/json");

    public async Task<JsonNode?> GetAsync(string path) => await RawCalls.GetAsync(Client, path, "application/json", default) is { } bytes ? JsonNode.Parse(bytes) : null;

    public Task<JsonNode?> MapAsync(string name) => GetAsync($"/api/v1/namespaces/test/configmaps/{name}");

    public Task GoneAsync(string path) => UntilAsync(async () => await GetAsync(path) is null, $"{path} is still there");

    public static async Task UntilAsync(Func<Task<bool>> condition, string otherwise)
    {
        var end = TimeProvider.System.GetUtcNow() + Patience;
        while (!await condition())
        {
            Assert.True(TimeProvider.System.GetUtcNow() < end, otherwise);
            await Task.Delay(10); // poll interval of a condition
        }
    }

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await Task.WhenAll(_running).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        await _server.DisposeAsync();
        await _store.DisposeAsync();
        _stop.Dispose();
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
