using System.Net;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;

namespace Kaji.Clients;

/// <summary>The operator's admission webhook: nobody is not greeted.</summary>
public sealed class GreetingWebhook : IAsyncDisposable
{
    private readonly X509Certificate2 _certificate = Certificate();
    private readonly WebApplication _application;

    private GreetingWebhook()
    {
        var builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        builder.WebHost.UseKestrelCore().UseKestrelHttpsConfiguration().ConfigureKestrel(k => k.Listen(IPAddress.Loopback, 0, l => l.UseHttps(_certificate)));
        _application = builder.Build();
        _application.Run(async context =>
        {
            var request = (await JsonNode.ParseAsync(context.Request.Body))!["request"]!;
            var allowed = (string?)request["object"]?["spec"]?["name"] != "nobody";
            await context.Response.WriteAsJsonAsync(new
            {
                apiVersion = "admission.k8s.io/v1", kind = "AdmissionReview",
                response = new { uid = (string)request["uid"]!, allowed, status = new { message = "nobody is not greeted" }, warnings = new[] { "seen by the greeting webhook" } },
            });
        });
    }

    /// <summary>caBundle of its client configuration.</summary>
    public byte[] CaBundle => Encoding.ASCII.GetBytes(_certificate.ExportCertificatePem());

    public string Url => _application.Urls.Single() + "/validate";

    public static async Task<GreetingWebhook> StartAsync()
    {
        var webhook = new GreetingWebhook();
        await webhook._application.StartAsync();
        return webhook;
    }

    public async ValueTask DisposeAsync()
    {
        await _application.DisposeAsync();
        _certificate.Dispose();
    }

    private static X509Certificate2 Certificate()
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest("CN=greeting-webhook", key, HashAlgorithmName.SHA256);
        var names = new SubjectAlternativeNameBuilder();
        names.AddIpAddress(IPAddress.Loopback);
        request.CertificateExtensions.Add(names.Build());
        var now = TimeProvider.System.GetUtcNow();
        using var made = request.CreateSelfSigned(now.AddHours(-1), now.AddDays(1));
        return X509CertificateLoader.LoadPkcs12(made.Export(X509ContentType.Pkcs12), null);
    }
}
