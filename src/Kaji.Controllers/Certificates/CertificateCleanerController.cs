using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using k8s.Models;
using Kaji.Client;
using Microsoft.Extensions.Logging;

namespace Kaji.Controllers.Certificates;

/// <summary>
/// Deletes requests that have served: approved or denied ones after an hour, undecided ones after a day, ones whose certificate has expired.
/// https://kubernetes.io/docs/reference/access-authn-authz/certificate-signing-requests/#request-signing-process
/// </summary>
public sealed class CertificateCleanerController : Controller
{
    private static readonly TimeSpan DecidedLives = TimeSpan.FromHours(1);
    private static readonly TimeSpan PendingLives = TimeSpan.FromHours(24);
    private readonly IApiClient _client;
    private readonly IInformer<V1CertificateSigningRequest> _requests;

    public CertificateCleanerController(IApiClient client, InformerFactory informers, TimeProvider time, ILoggerFactory logging)
        : base("certificatesigningrequest-cleaner-controller", time, logging.CreateLogger<CertificateCleanerController>())
    {
        _client = client;
        _requests = informers.For(Kinds.CertificateSigningRequest);
        _requests.Subscribe(change =>
        {
            if (change.New is { } now)
            {
                Enqueue("", now.Metadata.Name);
            }
        });
    }

    protected override async Task ReconcileAsync(string ns, string objectName, CancellationToken cancellationToken)
    {
        if (_requests.Get(null, objectName) is not { } request)
        {
            return;
        }

        var left = End(request) - Time.GetUtcNow();
        if (left > TimeSpan.Zero)
        {
            EnqueueAfter("", objectName, left + TimeSpan.FromSeconds(1));
            return;
        }

        await _client.DeleteAsync(
            Kinds.CertificateSigningRequest, null, objectName, new V1DeleteOptions { Preconditions = new V1Preconditions { Uid = request.Metadata.Uid } }, cancellationToken);
    }

    /// <summary>When a request is to go. Pure.</summary>
    internal static DateTimeOffset End(V1CertificateSigningRequest request)
    {
        var made = At(request.Metadata.CreationTimestamp) ?? DateTimeOffset.MinValue;
        DateTimeOffset? Of(string type) => request.Condition(type) is { } c ? (At(c.LastUpdateTime) ?? made) + DecidedLives : null;
        var decided = Of("Denied") ?? Of("Failed") ?? Of("Approved");
        if (decided is null)
        {
            return made + PendingLives;
        }

        return Expiry(request) is { } expiry && expiry < decided ? expiry : decided.Value;
    }

    private static DateTimeOffset? Expiry(V1CertificateSigningRequest request)
    {
        if (!request.IsIssued())
        {
            return null;
        }

        try
        {
            using var issued = X509Certificate2.CreateFromPem(Encoding.ASCII.GetString(request.Status.Certificate));
            return new DateTimeOffset(issued.NotAfter.ToUniversalTime(), TimeSpan.Zero);
        }
        catch (CryptographicException)
        {
            // Of another signer, in a form of its own: it goes when its decision is old.
            return null;
        }
    }

    private static DateTimeOffset? At(DateTime? time) => time is { } t ? new DateTimeOffset(DateTime.SpecifyKind(t, DateTimeKind.Utc)) : null;
}
