using System.Net;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Server.Kestrel.Core;

namespace Kaji.Conformance.Admission;

/// <summary>A webhook on this machine, with a certificate of its own: each path is answered by a function of the review's request.</summary>
public sealed class WebhookServer : IAsyncDisposable
{
    private readonly WebApplication _application;
    private readonly X509Certificate2 _certificate = Certificate();

    /// <summary>A name under which it may also be called, as a Service of the namespace.</summary>
    public const string ServiceName = "hook.hooks.svc";
    private int _port;

    private WebhookServer(Dictionary<string, Func<JsonNode, Task<JsonObject>>> paths)
    {
        var builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        builder.WebHost.UseKestrelCore().UseKestrelHttpsConfiguration().ConfigureKestrel(k => k.Listen(IPAddress.Any, 0, l =>
        {
            l.Protocols = HttpProtocols.Http1;
            l.UseHttps(_certificate);
        }));
        _application = builder.Build();
        _application.Run(async context =>
        {
            var review = (await JsonNode.ParseAsync(context.Request.Body))!;
            var request = review["request"]!;
            Requests.Enqueue(request.DeepClone());
            var response = (JsonObject)(await paths[context.Request.Path.Value!](request)).DeepClone();
            response["uid"] = request["uid"]!.DeepClone();
            context.Response.ContentType = "application/json";
            await context.Response.WriteAsync(new JsonObject { ["kind"] = review["kind"]!.DeepClone(), ["apiVersion"] = review["apiVersion"]!.DeepClone(), ["response"] = response }.ToJsonString());
        });
    }

    /// <summary>All that was asked, in order.</summary>
    public System.Collections.Concurrent.ConcurrentQueue<JsonNode> Requests { get; } = new();

    public static JsonObject Allow => new() { ["allowed"] = true };

    public static async Task<WebhookServer> StartAsync(params (string Path, Func<JsonNode, Task<JsonObject>> Answer)[] paths)
    {
        var server = new WebhookServer(paths.ToDictionary(p => p.Path, p => p.Answer));
        await server._application.StartAsync();
        server._port = new Uri(server._application.Urls.Single()).Port;
        return server;
    }

    public static JsonObject Deny(string message) => new() { ["allowed"] = false, ["status"] = new JsonObject { ["message"] = message } };

    public static JsonObject Patch(string patch) => new() { ["allowed"] = true, ["patchType"] = "JSONPatch", ["patch"] = Convert.ToBase64String(Encoding.UTF8.GetBytes(patch)) };

    public string ClientConfig(string path) =>
        $$"""{"url":"https://127.0.0.1:{{_port}}{{path}}","caBundle":"{{Convert.ToBase64String(Encoding.ASCII.GetBytes(_certificate.ExportCertificatePem()))}}"}""";

    public int Port => _port;

    public string CaBundle => Convert.ToBase64String(Encoding.ASCII.GetBytes(_certificate.ExportCertificatePem()));

    public async ValueTask DisposeAsync()
    {
        await _application.DisposeAsync();
        _certificate.Dispose();
    }

    private static X509Certificate2 Certificate()
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest("CN=webhook", key, HashAlgorithmName.SHA256);
        var names = new SubjectAlternativeNameBuilder();
        names.AddIpAddress(IPAddress.Loopback);
        names.AddDnsName(ServiceName);
        request.CertificateExtensions.Add(names.Build());
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(true, false, 0, true));
        var now = TimeProvider.System.GetUtcNow();
        using var made = request.CreateSelfSigned(now.AddHours(-1), now.AddHours(1));
        return X509CertificateLoader.LoadPkcs12(made.Export(X509ContentType.Pkcs12), null);
    }
}
