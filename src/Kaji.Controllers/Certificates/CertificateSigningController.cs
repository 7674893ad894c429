using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using k8s.Models;
using Kaji.Client;
using Microsoft.Extensions.Logging;

namespace Kaji.Controllers.Certificates;

/// <summary>Issues the certificates of approved requests to the built-in signers; what a signer refuses is Failed.</summary>
public sealed class CertificateSigningController : Controller
{
    private readonly IApiClient _client;
    private readonly IInformer<V1CertificateSigningRequest> _requests;
    private readonly CertificateSigner _signer;

    /// <param name="authority">The cluster's authority, with its key.</param>
    public CertificateSigningController(IApiClient client, InformerFactory informers, X509Certificate2 authority, TimeProvider time, ILoggerFactory logging)
        : base("certificatesigningrequest-signing-controller", time, logging.CreateLogger<CertificateSigningController>())
    {
        (_client, _signer) = (client, new CertificateSigner(authority));
        _requests = informers.For(Kinds.CertificateSigningRequest);
        _requests.Subscribe(change =>
        {
            if (change.New is { } now && IsDue(now))
            {
                Enqueue("", now.Metadata.Name);
            }
        });
    }

    protected override async Task ReconcileAsync(string ns, string objectName, CancellationToken cancellationToken)
    {
        if (_requests.Get(null, objectName) is not { } seen || !IsDue(seen) || await _client.FindAsync(Kinds.CertificateSigningRequest, null, objectName, cancellationToken) is not { } request || !IsDue(request))
        {
            return;
        }

        var asked = AskedCertificate.Parse(request.Spec.Request);
        var usages = request.Spec.Usages?.ToArray() ?? [];
        if (SignerRules.Refusal(request.Spec.SignerName, asked, usages) is { } why)
        {
            request.Add("Failed", "SignerValidationFailure", why);
        }
        else
        {
            request.Status.Certificate = Encoding.ASCII.GetBytes(_signer.Sign(asked, usages, request.Spec.ExpirationSeconds, Time.GetUtcNow()));
        }

        await _client.UpdateAsync(Kinds.CertificateSigningRequest, request, "status", cancellationToken);
    }

    private static bool IsDue(V1CertificateSigningRequest request) =>
        SignerRules.Knows(request.Spec.SignerName) && request.Is("Approved") && !request.Is("Denied") && !request.Is("Failed") && !request.IsIssued();
}
