using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text.Json.Nodes;
using Kaji.Api;
using Kaji.Api.Errors;
using Kaji.Api.Kinds;
using Kaji.ApiServer.Authentication;
using Kaji.ApiServer.Authorization;
using Kaji.ApiServer.Requests;

namespace Kaji.ApiServer.Admission;

/// <summary>
/// CertificateApproval, CertificateSigning and CertificateSubjectRestriction: who approves or signs for a signer needs its right, and nobody asks the client signer for
/// system:masters. https://kubernetes.io/docs/reference/access-authn-authz/certificate-signing-requests/#authorization
/// </summary>
public sealed class CertificateAdmission : IAdmissionPlugin
{
    private const string MastersGroup = "system:masters";

    /// <summary>Set when the authorizer is there.</summary>
    public IAuthorizer? Authorizer { get; set; }

    public string Name => "CertificateApproval";

    public ValueTask<ApiError?> ValidateAsync(AdmissionRequest request, CancellationToken cancellationToken)
    {
        if (request.Resource is not { Group: "certificates.k8s.io", Plural: "certificatesigningrequests" } || request.Object is not { } obj)
        {
            return ValueTask.FromResult<ApiError?>(null);
        }

        var (old, signer) = (request.OldObject, (request.OldObject ?? obj).Obj("spec").Str("signerName"));
        var why = (request.Operation, request.Subresource) switch
        {
            ("CREATE", "") => IsMaster(obj.Obj("spec")) ? $"use of {signer} signer with {MastersGroup} group is not allowed" : null,
            ("UPDATE", "approval") when !Decided(old).SequenceEqual(Decided(obj)) && !May(request.User, "approve", signer) => $"user not permitted to approve requests with signerName \"{signer}\"",
            ("UPDATE", "status") when (old.Obj("status").Str("certificate") != obj.Obj("status").Str("certificate") || Failed(old) != Failed(obj)) && !May(request.User, "sign", signer) =>
                $"user not permitted to sign requests with signerName \"{signer}\"",
            _ => null,
        };
        return ValueTask.FromResult(why is null ? null : ApiErrors.Forbidden(request.Resource, request.Name, why));
    }

    private static IEnumerable<string> Decided(JsonObject? csr) =>
        csr.Obj("status").Items("conditions").Select(c => c.Str("type")).Where(t => t is "Approved" or "Denied").Order(StringComparer.Ordinal);

    private static bool Failed(JsonObject? csr) => csr.Obj("status").Items("conditions").Any(c => c.Str("type") == "Failed");

    /// <summary>The right on the signer itself, or on all of its domain.</summary>
    private bool May(UserInfo user, string verb, string signer)
    {
        bool Allowed(string name) => Authorizer!.Authorize(user, new RequestInfo { IsResourceRequest = true, Path = "", Verb = verb, Group = "certificates.k8s.io", Version = "*", Resource = "signers", Name = name }).Allowed;
        return Allowed(signer) || Allowed(signer.Split('/')[0] + "/*");
    }

    private static bool IsMaster(JsonObject? spec)
    {
        if (spec.Str("signerName") != "kubernetes.io/kube-apiserver-client")
        {
            return false;
        }

        try
        {
            var pem = System.Text.Encoding.ASCII.GetString(Convert.FromBase64String(spec.Str("request")));
            var asked = CertificateRequest.LoadSigningRequestPem(pem, HashAlgorithmName.SHA256, CertificateRequestLoadOptions.UnsafeLoadCertificateExtensions);
            return asked.SubjectName.EnumerateRelativeDistinguishedNames().Any(n => !n.HasMultipleElements && n.GetSingleElementType().Value == "2.5.4.10" && n.GetSingleElementValue() == MastersGroup);
        }
        catch (Exception e) when (e is FormatException or CryptographicException or ArgumentException)
        {
            // Not a request at all: validation of the kind says so.
            return false;
        }
    }
}
