using System.Net;
using System.Text;
using System.Text.Json.Nodes;
using Kaji.ApiServer.Admission;
using Kaji.ApiServer.Authentication;
using Kaji.ApiServer.Authorization;
using Kaji.ApiServer.Hosting;
using Kaji.ApiServer.Requests;
using Kaji.Store;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;

namespace Kaji.ApiServer.Tests.Apply;

/// <summary>The real pipeline on a real store, in process, with a clock of the test's.</summary>
public sealed class ApplyServer : IAsyncDisposable
{
    private readonly string _directory = Directory.CreateTempSubdirectory("kaji-apply-").FullName;
    private readonly RevisionStore _store;
    private readonly Hosting.ApiServer _server;

    private ApplyServer()
    {
        _store = RevisionStore.Open(new StoreOptions { Directory = _directory });
        var lifecycle = new NamespaceLifecycle();
        var options = new ApiServerOptions { Listen = [new IPEndPoint(IPAddress.Loopback, 0)], ServingCertificate = () => throw new InvalidOperationException("no sockets here") };
        _server = new Hosting.ApiServer(options, _store, [lifecycle], Clock, NullLoggerFactory.Instance);
        lifecycle.Objects = _server.Registry;
        _server.Compose(new Nobody(), new AllButPatchersCreates(), [], []);
    }

    public FakeTimeProvider Clock { get; } = new(new DateTimeOffset(2026, 1, 2, 3, 4, 5, TimeSpan.Zero));

    public static async Task<ApplyServer> StartAsync()
    {
        var server = new ApplyServer();
        Assert.Equal(201, (await server.SendAsync("POST", "/api/v1/namespaces", """{"apiVersion":"v1","kind":"Namespace","metadata":{"name":"n"}}""")).Code);
        return server;
    }

    public Task<(int Code, JsonObject Body)> ApplyAsync(string path, string yaml, string manager, string more = "", string user = "admin") =>
        SendAsync("PATCH", $"{path}?fieldManager={manager}{more}", yaml, "application/apply-patch+yaml", user);

    public async Task<(int Code, JsonObject Body)> SendAsync(string method, string path, string? body = null, string type = "application/json", string user = "admin", string userAgent = "tester/1 (test)")
    {
        using var client = new HttpMessageInvoker(_server.CreateInProcessHandler(new UserInfo(user, ["system:authenticated"])));
        using var request = new HttpRequestMessage(new HttpMethod(method), "https://in-process" + path);
        request.Headers.TryAddWithoutValidation("User-Agent", userAgent);
        if (body is not null)
        {
            request.Content = new StringContent(body, Encoding.UTF8, type);
        }

        using var response = await client.SendAsync(request, CancellationToken.None);
        return ((int)response.StatusCode, JsonNode.Parse(await response.Content.ReadAsStringAsync())!.AsObject());
    }

    public async ValueTask DisposeAsync()
    {
        await _server.DisposeAsync();
        await _store.DisposeAsync();
        Directory.Delete(_directory, recursive: true);
    }

    private sealed class Nobody : IAuthenticator
    {
        public ValueTask<UserInfo?> AuthenticateAsync(HttpContext context) => ValueTask.FromResult<UserInfo?>(null);
    }

    /// <summary>The user <c>patcher</c> may patch and not create.</summary>
    private sealed class AllButPatchersCreates : IAuthorizer
    {
        public Decision Authorize(UserInfo user, RequestInfo request) => new(user.Name != "patcher" || request.Verb != "create", "");
    }
}
