using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using System.Text.Json.Nodes;
using Kaji.Api.Errors;
using Kaji.Api.Metadata;

namespace Kaji.Api.Kinds.Certificates;

/// <summary>CertificateSigningRequest: https://kubernetes.io/docs/reference/access-authn-authz/certificate-signing-requests/</summary>
internal sealed class CertificateSigningRequestKind : StatusKind
{
    private const int ShortestLife = 600;
    private static readonly string[] Decisions = ["Approved", "Denied"];

    private static readonly string[] Usages =
    [
        "any", "cert sign", "client auth", "code signing", "content commitment", "crl sign", "data encipherment", "decipher only", "digital signature", "email protection",
        "encipher only", "ipsec end system", "ipsec tunnel", "ipsec user", "key agreement", "key encipherment", "microsoft sgc", "netscape sgc", "ocsp signing", "s/mime", "server auth", "signing", "timestamping",
    ];

    public override bool HasGeneration => false;

    public override IReadOnlyList<string> SelectableFields => ["spec.signerName"];

    /// <summary>What was asked does not change.</summary>
    public override void PrepareForUpdate(JsonObject obj, JsonObject old)
    {
        base.PrepareForUpdate(obj, old);
        obj.CarryOver(old, "spec");
    }

    /// <summary><c>approval</c> decides, and does nothing else.</summary>
    public override void PrepareForSubresource(string subresource, JsonObject obj, JsonObject old)
    {
        var conditions = obj.Obj("status")?["conditions"]?.DeepClone();
        obj["spec"] = old["spec"]?.DeepClone();
        obj["status"] = old["status"]?.DeepClone() ?? new JsonObject();
        obj.Ensure("status")["conditions"] = conditions;
    }

    /// <summary>A signer gives the certificate or says why not; it does not decide.</summary>
    public override void PrepareForStatusUpdate(JsonObject obj, JsonObject old)
    {
        base.PrepareForStatusUpdate(obj, old);
        static bool Decided(JsonObject condition) => Decisions.Contains(condition.Str("type"), StringComparer.Ordinal);
        var conditions = obj.Obj("status").Items("conditions").Where(c => !Decided(c)).Concat(old.Obj("status").Items("conditions").Where(Decided)).Select(c => c.DeepClone()).ToArray();
        if (conditions.Length > 0)
        {
            obj.Ensure("status")["conditions"] = new JsonArray(conditions);
        }
    }

    public override void ValidateCreate(JsonObject obj, ICollection<FieldError> errors)
    {
        var spec = new Fields(obj.Obj("spec") ?? [], "spec", errors);
        if (Problem(spec.Str("request")) is { } problem)
        {
            spec.Invalid("request", spec.Str("request"), problem);
        }

        if (!spec.HasAny("usages"))
        {
            spec.Required("usages");
        }

        var (seen, index) = (new HashSet<string>(StringComparer.Ordinal), 0);
        foreach (var usage in spec.Strings("usages"))
        {
            var at = spec.At("usages", index++);
            if (!Usages.Contains(usage, StringComparer.Ordinal))
            {
                errors.NotSupported(at, usage, Usages);
            }

            if (!seen.Add(usage))
            {
                errors.Duplicate(at, usage);
            }
        }

        if (spec.Int("expirationSeconds") is { } seconds and < ShortestLife)
        {
            spec.Invalid("expirationSeconds", seconds, "may not specify a duration less than 600 seconds (10 minutes)");
        }

        var signer = spec.Str("signerName");
        if (signer == "kubernetes.io/legacy-unknown")
        {
            spec.Invalid("signerName", signer, "the legacy signerName is not allowed via this API version");
        }
        else if (spec.Present("signerName"))
        {
            SignerName(spec, signer);
        }
    }

    public override void ValidateSubresource(string subresource, JsonObject obj, JsonObject old, ICollection<FieldError> errors)
    {
        if (subresource != "approval")
        {
            return;
        }

        Conditions(obj, errors);
        foreach (var decision in Decisions)
        {
            if (old.Obj("status").Items("conditions").Any(c => c.Str("type") == decision) && !obj.Obj("status").Items("conditions").Any(c => c.Str("type") == decision))
            {
                errors.Forbidden("status.conditions", $"updates may not remove a condition of type \"{decision}\"");
            }
        }
    }

    public override void ValidateStatusUpdate(JsonObject obj, JsonObject old, ICollection<FieldError> errors)
    {
        Conditions(obj, errors);
        var (now, before) = (obj.Obj("status").Str("certificate"), old.Obj("status").Str("certificate"));
        if (before.Length > 0 && now != before)
        {
            errors.Forbidden("status.certificate", "updates may not change a set certificate");
        }
    }

    public override string SelectableField(JsonObject obj, string field) => obj.Obj("spec").Str("signerName");

    private static void Conditions(JsonObject obj, ICollection<FieldError> errors)
    {
        var seen = new HashSet<string>(StringComparer.Ordinal);
        var status = new Fields(obj.Obj("status") ?? [], "status", errors);
        foreach (var condition in status.Items("conditions"))
        {
            var type = condition.Str("type");
            condition.Present("type");
            if (type is "Approved" or "Denied" or "Failed")
            {
                condition.RequiredOneOf("status", "True");
            }
            else
            {
                condition.RequiredOneOf("status", "True", "False", "Unknown");
            }

            if ((type == "Approved" && seen.Contains("Denied")) || (type == "Denied" && seen.Contains("Approved")))
            {
                condition.Invalid("type", type, "Approved and Denied conditions are mutually exclusive");
            }

            if (!seen.Add(type))
            {
                condition.Duplicate("type", type);
            }
        }
    }

    private static void SignerName(Fields spec, string signer)
    {
        var parts = signer.Split('/');
        if (parts.Length != 2 || parts[0].Length == 0 || parts[1].Length == 0)
        {
            spec.Invalid("signerName", signer, "must be a fully qualified domain and path of the form 'example.com/signer-name'");
            return;
        }

        foreach (var problem in Names.Dns1123SubdomainErrors(parts[0]))
        {
            spec.Invalid("signerName", signer, $"validating label \"{parts[0]}\": {problem}");
        }

        if (!parts[0].Contains('.', StringComparison.Ordinal))
        {
            spec.Invalid("signerName", signer, "should be a domain with at least two segments separated by dots");
        }

        foreach (var problem in Names.Dns1123SubdomainErrors(parts[1]))
        {
            spec.Invalid("signerName", signer, $"validating label \"{parts[1]}\": {problem}");
        }
    }

    /// <summary>What is wrong with the PKCS #10 request; its signature counts.</summary>
    private static string? Problem(string base64)
    {
        var bytes = new byte[base64.Length];
        if (!Convert.TryFromBase64String(base64, bytes, out var length) || !PemEncoding.TryFind(Encoding.ASCII.GetString(bytes, 0, length), out var fields)
            || Encoding.ASCII.GetString(bytes, 0, length)[fields.Label] != "CERTIFICATE REQUEST")
        {
            return "PEM block type must be CERTIFICATE REQUEST";
        }

        try
        {
            CertificateRequest.LoadSigningRequestPem(Encoding.ASCII.GetString(bytes, 0, length), HashAlgorithmName.SHA256, CertificateRequestLoadOptions.UnsafeLoadCertificateExtensions, RSASignaturePadding.Pkcs1);
            return null;
        }
        catch (CryptographicException e)
        {
            return e.Message;
        }
    }
}
