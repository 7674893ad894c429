using System.Collections.Concurrent;
using System.Globalization;
using System.Net;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Server.Kestrel.Https;

namespace Kaji.Conformance.Aggregation;

/// <summary>
/// An API server of its own, as Kubernetes' sample-apiserver is one: group wardle.example.com with flunders, kept in memory. It believes who the front proxy says is asking, and nobody else.
/// </summary>
public sealed class SampleApiServer : IAsyncDisposable
{
    public const string Group = "wardle.example.com";
    private readonly ConcurrentDictionary<string, JsonObject> _flunders = new(StringComparer.Ordinal);
    private readonly X509Certificate2 _certificate;
    private readonly WebApplication _application;
    private int _version = 1;

    private SampleApiServer(string host, X509Certificate2 frontProxy)
    {
        _certificate = Certificate(host);
        var builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        builder.WebHost.UseKestrelCore().UseKestrelHttpsConfiguration().ConfigureKestrel(k => k.Listen(IPAddress.Any, 0, l => l.UseHttps(https =>
        {
            https.ServerCertificate = _certificate;
            https.ClientCertificateMode = ClientCertificateMode.RequireCertificate;
            https.ClientCertificateValidation = (presented, _, _) => presented.Issuer == frontProxy.Subject && presented.Subject == "CN=front-proxy-client";
        })));
        _application = builder.Build();
        _application.Run(AnswerAsync);
    }

    /// <summary>Who asked for what, in order: method, user, and groups. The aggregator asks by itself too.</summary>
    public ConcurrentQueue<string> Askers { get; } = new();

    public string CaBundle => Convert.ToBase64String(Encoding.ASCII.GetBytes(_certificate.ExportCertificatePem()));

    public int Port { get; private set; }

    public static async Task<SampleApiServer> StartAsync(string host, string frontProxyPem)
    {
        var server = new SampleApiServer(host, X509Certificate2.CreateFromPem(frontProxyPem));
        await server._application.StartAsync();
        server.Port = new Uri(server._application.Urls.Single()).Port;
        return server;
    }

    public async ValueTask DisposeAsync()
    {
        await _application.DisposeAsync();
        _certificate.Dispose();
    }

    private async Task AnswerAsync(HttpContext context)
    {
        Askers.Enqueue($"{context.Request.Method} {context.Request.Headers["X-Remote-User"]} {context.Request.Headers["X-Remote-Group"]}");
        var parts = context.Request.Path.Value!.Split('/', StringSplitOptions.RemoveEmptyEntries);
        switch (context.Request.Method, parts)
        {
            case ("GET", ["apis", Group, "v1alpha1"]):
                await AnswerAsync(context, 200, """{"kind":"APIResourceList","apiVersion":"v1","groupVersion":"wardle.example.com/v1alpha1","resources":[{"name":"flunders","singularName":"flunder","namespaced":true,"kind":"Flunder","verbs":["create","delete","get","list","watch"]},{"name":"flunders/status","singularName":"","namespaced":true,"kind":"Flunder","verbs":["get"]}]}""");
                return;
            case ("GET", ["openapi", "v3", "apis", Group, "v1alpha1"]):
                await AnswerAsync(context, 200, """{"openapi":"3.0.0","info":{"title":"sample","version":"1"},"paths":{},"components":{"schemas":{"com.example.wardle.v1alpha1.Flunder":{"type":"object","description":"A flunder.","x-kubernetes-group-version-kind":[{"group":"wardle.example.com","version":"v1alpha1","kind":"Flunder"}]}}}}""");
                return;
            case ("GET", ["apis", Group, "v1alpha1", "namespaces", var ns, "flunders"]) when context.Request.Query["watch"] == "1":
                context.Response.ContentType = "application/json";
                foreach (var flunder in Of(ns))
                {
                    await context.Response.WriteAsync("{\"type\":\"ADDED\",\"object\":" + flunder.ToJsonString() + "}\n");
                    await context.Response.Body.FlushAsync();
                }

                return;
            case ("GET", ["apis", Group, "v1alpha1", "namespaces", var ns, "flunders"]):
                await AnswerAsync(context, 200, new JsonObject { ["kind"] = "FlunderList", ["apiVersion"] = Group + "/v1alpha1", ["metadata"] = new JsonObject { ["resourceVersion"] = Text(_version) }, ["items"] = new JsonArray([.. Of(ns).Select(f => f.DeepClone())]) }.ToJsonString());
                return;
            case ("POST", ["apis", Group, "v1alpha1", "namespaces", var ns, "flunders"]):
                var made = (JsonObject)(await JsonNode.ParseAsync(context.Request.Body))!;
                made["metadata"]!["namespace"] = ns;
                made["metadata"]!["uid"] = Guid.NewGuid().ToString();
                made["metadata"]!["resourceVersion"] = Text(Interlocked.Increment(ref _version));
                made["metadata"]!["creationTimestamp"] = "2026-01-01T00:00:00Z";
                _flunders[$"{ns}/{(string)made["metadata"]!["name"]!}"] = made;
                await AnswerAsync(context, 201, made.ToJsonString());
                return;
            case ("GET", ["apis", Group, "v1alpha1", "namespaces", var ns, "flunders", var name]) when _flunders.TryGetValue($"{ns}/{name}", out var found):
                await AnswerAsync(context, 200, found.ToJsonString());
                return;
            case ("DELETE", ["apis", Group, "v1alpha1", "namespaces", var ns, "flunders", var name]) when _flunders.TryRemove($"{ns}/{name}", out _):
                await AnswerAsync(context, 200, """{"kind":"Status","apiVersion":"v1","metadata":{},"status":"Success"}""");
                return;
            default:
                await AnswerAsync(context, 404, """{"kind":"Status","apiVersion":"v1","metadata":{},"status":"Failure","message":"flunder not found","reason":"NotFound","code":404}""");
                return;
        }
    }

    private static string Text(int number) => number.ToString(CultureInfo.InvariantCulture);

    private IEnumerable<JsonObject> Of(string ns) => _flunders.Where(f => f.Key.StartsWith(ns + "/", StringComparison.Ordinal)).Select(f => f.Value);

    private static Task AnswerAsync(HttpContext context, int code, string json)
    {
        context.Response.StatusCode = code;
        context.Response.ContentType = "application/json";
        return context.Response.WriteAsync(json);
    }

    private static X509Certificate2 Certificate(string host)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest("CN=sample-api", key, HashAlgorithmName.SHA256);
        var names = new SubjectAlternativeNameBuilder();
        names.AddDnsName(host);
        request.CertificateExtensions.Add(names.Build());
        var now = TimeProvider.System.GetUtcNow();
        using var made = request.CreateSelfSigned(now.AddHours(-1), now.AddDays(1));
        return X509CertificateLoader.LoadPkcs12(made.Export(X509ContentType.Pkcs12), null);
    }
}
