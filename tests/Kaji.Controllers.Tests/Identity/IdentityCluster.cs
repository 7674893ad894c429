using System.Net;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using System.Text.Json.Nodes;
using Kaji.ApiServer.Admission;
using Kaji.ApiServer.Authentication;
using Kaji.ApiServer.Authorization;
using Kaji.ApiServer.Bootstrap;
using Kaji.ApiServer.Certificates;
using Kaji.ApiServer.Hosting;
using Kaji.Client;
using Kaji.Controllers.Bootstrap;
using Kaji.Controllers.Certificates;
using Kaji.Controllers.ServiceAccounts;
using Kaji.Store;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging.Abstractions;

namespace Kaji.Controllers.Tests.Identity;

/// <summary>The real API server with its authenticators, RBAC, default roles, and the controllers that vouch for others.</summary>
public sealed class IdentityCluster : IAsyncDisposable
{
    private readonly string _directory = Directory.CreateTempSubdirectory("kaji-identity-").FullName;
    private readonly RevisionStore _store;
    private readonly ApiServer.Hosting.ApiServer _server;
    private readonly RbacAuthorizer _rbac;
    private readonly CancellationTokenSource _stop = new();
    private readonly List<Task> _running = [];
    private readonly Authenticator _authenticator;

    private IdentityCluster()
    {
        var time = TimeProvider.System;
        _store = RevisionStore.Open(new StoreOptions { Directory = Path.Combine(_directory, "state") });
        Pki = ClusterPki.LoadOrCreate(Path.Combine(_directory, "pki"), new PkiOptions { Addresses = [IPAddress.Loopback] }, time);
        Tokens = new ServiceAccountTokens(Pki.ServiceAccountKey, time);
        var bootstrap = new BootstrapTokens(time);
        var bearers = new BearerTokens(Tokens, bootstrap);
        _authenticator = new Authenticator(Pki.Authority, bearers, time);
        _rbac = new RbacAuthorizer(_store);
        var (lifecycle, certificates) = (new NamespaceLifecycle(), new CertificateAdmission());
        var options = new ApiServerOptions { Listen = [new IPEndPoint(IPAddress.Loopback, 0)], ServingCertificate = () => throw new InvalidOperationException("no sockets here") };
        _server = new ApiServer.Hosting.ApiServer(options, _store, [lifecycle, certificates, new CertificateRequester()], time, NullLoggerFactory.Instance);
        lifecycle.Objects = Tokens.Objects = bootstrap.Objects = _server.Registry;
        var authorizer = new UnionAuthorizer(new NodeAuthorizer { Objects = _server.Registry }, _rbac);
        certificates.Authorizer = authorizer;
        _server.Compose(_authenticator, authorizer, [.. ReviewEndpoints.All(authorizer, _rbac, bearers), new TokenEndpoint(_server.Registry, Tokens, time)], []);
    }

    public ClusterPki Pki { get; }

    public ServiceAccountTokens Tokens { get; }

    public static async Task<IdentityCluster> StartAsync(bool controllers = true)
    {
        var cluster = new IdentityCluster();
        await cluster.BootstrapAsync();
        if (controllers)
        {
            var client = cluster.ClientOf("system:kube-controller-manager");
            var (time, logging) = (TimeProvider.System, NullLoggerFactory.Instance);
            var informers = new InformerFactory(client, time, logging);
            Controller[] all =
            [
                new CertificateApprovingController(client, informers, time, logging), new CertificateSigningController(client, informers, cluster.Pki.Authority, time, logging),
                new TokenSecretController(client, informers, cluster.Tokens.IssueLegacy, cluster.Pki.AuthorityPem, time, logging),
                new TokenCleanerController(client, informers, time, logging), new BootstrapSignerController(client, informers, time, logging),
            ];
            cluster._running.Add(cluster._rbac.RunAsync(cluster._stop.Token));
            cluster._running.Add(informers.RunAsync(cluster._stop.Token));
            await informers.WaitForSyncAsync(cluster._stop.Token);
            cluster._running.AddRange(all.Select(c => c.RunAsync(cluster._stop.Token)));
        }

        return cluster;
    }

    /// <summary>What each start of a cluster does.</summary>
    public async Task BootstrapAsync()
    {
        var options = new BootstrapOptions(IPAddress.Parse("10.96.0.1"), IPAddress.Parse("10.96.0.10"), new IPEndPoint(IPAddress.Parse("10.0.0.1"), 6443), new IPEndPoint(IPAddress.Parse("10.0.0.1"), 53), Pki.AuthorityPem, Pki.AuthorityPem)
        {
            ServerUrl = "https://10.0.0.1:6443",
        };
        await Bootstrapper.RunAsync(_server.Registry, options, CancellationToken.None);
        _rbac.Load();
    }

    public ApiClient ClientOf(string user, params string[] groups) =>
        new(new HttpMessageInvoker(_server.CreateInProcessHandler(new UserInfo(user, [.. groups, "system:authenticated"]))), new Uri("https://in-process"), "test");

    public ApiClient ClientOf(UserInfo user) => new(new HttpMessageInvoker(_server.CreateInProcessHandler(user)), new Uri("https://in-process"), "test");

    public async Task<UserInfo?> OfTokenAsync(string token)
    {
        var context = new DefaultHttpContext();
        context.Request.Headers.Authorization = "Bearer " + token;
        return await _authenticator.AuthenticateAsync(context);
    }

    public async Task<UserInfo?> OfCertificateAsync(X509Certificate2 certificate)
    {
        var context = new DefaultHttpContext();
        context.Connection.ClientCertificate = certificate;
        return await _authenticator.AuthenticateAsync(context);
    }

    public static async Task<(int Code, JsonNode Body)> CallAsync(IApiClient client, HttpMethod method, string path, string? body = null, string type = "application/json")
    {
        using var request = new HttpRequestMessage(method, path) { Content = body is null ? null : new StringContent(body, Encoding.UTF8, type) };
        using var response = await client.SendAsync(request);
        return ((int)response.StatusCode, JsonNode.Parse(await response.Content.ReadAsByteArrayAsync())!);
    }

    public Task<(int Code, JsonNode Body)> AdminAsync(HttpMethod method, string path, string? body = null, string type = "application/json") =>
        CallAsync(ClientOf("admin", "system:masters"), method, path, body, type);

    public async Task<JsonNode> UntilAsync(string path, Func<JsonNode, bool> holds)
    {
        JsonNode? found = null;
        await TestApi.UntilAsync(async () => holds(found = (await AdminAsync(HttpMethod.Get, path)).Body), $"{path} never was as it should");
        return found!;
    }

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await Task.WhenAll(_running).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        await _server.DisposeAsync();
        await _store.DisposeAsync();
        Pki.Dispose();
        _stop.Dispose();
        Directory.Delete(_directory, recursive: true);
    }
}
