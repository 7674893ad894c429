using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace Kaji.Controllers.Certificates;

/// <summary>Makes certificates of requests with the cluster's authority. Pure but for the serial number.</summary>
/// <param name="authority">With its key (ECDSA).</param>
internal sealed class CertificateSigner(X509Certificate2 authority)
{
    private static readonly TimeSpan Backdate = TimeSpan.FromMinutes(5);
    private static readonly TimeSpan Longest = TimeSpan.FromDays(365);
    private static readonly TimeSpan Shortest = TimeSpan.FromMinutes(10);

    private static readonly Dictionary<string, X509KeyUsageFlags> KeyUsages = new(StringComparer.Ordinal)
    {
        ["signing"] = X509KeyUsageFlags.DigitalSignature, ["digital signature"] = X509KeyUsageFlags.DigitalSignature, ["content commitment"] = X509KeyUsageFlags.NonRepudiation,
        ["key encipherment"] = X509KeyUsageFlags.KeyEncipherment, ["key agreement"] = X509KeyUsageFlags.KeyAgreement, ["data encipherment"] = X509KeyUsageFlags.DataEncipherment,
        ["cert sign"] = X509KeyUsageFlags.KeyCertSign, ["crl sign"] = X509KeyUsageFlags.CrlSign, ["encipher only"] = X509KeyUsageFlags.EncipherOnly, ["decipher only"] = X509KeyUsageFlags.DecipherOnly,
    };

    private static readonly Dictionary<string, string> ExtendedUsages = new(StringComparer.Ordinal)
    {
        ["any"] = "2.5.29.37.0", ["server auth"] = "1.3.6.1.5.5.7.3.1", ["client auth"] = "1.3.6.1.5.5.7.3.2", ["code signing"] = "1.3.6.1.5.5.7.3.3", ["email protection"] = "1.3.6.1.5.5.7.3.4",
        ["s/mime"] = "1.3.6.1.5.5.7.3.4", ["ipsec end system"] = "1.3.6.1.5.5.7.3.5", ["ipsec tunnel"] = "1.3.6.1.5.5.7.3.6", ["ipsec user"] = "1.3.6.1.5.5.7.3.7",
        ["timestamping"] = "1.3.6.1.5.5.7.3.8", ["ocsp signing"] = "1.3.6.1.5.5.7.3.9", ["microsoft sgc"] = "1.3.6.1.4.1.311.10.3.3", ["netscape sgc"] = "2.16.840.1.113730.4.1",
    };

    /// <param name="expirationSeconds">What the client wishes; bounded by ten minutes, a year and the authority's own end.</param>
    /// <returns>PEM.</returns>
    public string Sign(AskedCertificate asked, IEnumerable<string> usages, int? expirationSeconds, DateTimeOffset now)
    {
        var lifetime = expirationSeconds is { } seconds ? TimeSpan.FromSeconds(Math.Clamp(seconds, Shortest.TotalSeconds, Longest.TotalSeconds)) : Longest;
        var authorityEnd = new DateTimeOffset(authority.NotAfter.ToUniversalTime(), TimeSpan.Zero);
        var end = now + lifetime < authorityEnd ? now + lifetime : authorityEnd;
        var request = new CertificateRequest(asked.Request.SubjectName, asked.Request.PublicKey, HashAlgorithmName.SHA256);
        var (keyUsages, extended) = (X509KeyUsageFlags.None, new OidCollection());
        foreach (var usage in usages)
        {
            keyUsages |= KeyUsages.GetValueOrDefault(usage);
            if (ExtendedUsages.TryGetValue(usage, out var oid))
            {
                extended.Add(new Oid(oid));
            }
        }

        if (keyUsages != X509KeyUsageFlags.None)
        {
            request.CertificateExtensions.Add(new X509KeyUsageExtension(keyUsages, critical: true));
        }

        if (extended.Count > 0)
        {
            request.CertificateExtensions.Add(new X509EnhancedKeyUsageExtension(extended, critical: false));
        }

        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(false, false, 0, critical: true));
        if (authority.Extensions.OfType<X509SubjectKeyIdentifierExtension>().FirstOrDefault() is { } identifier)
        {
            request.CertificateExtensions.Add(X509AuthorityKeyIdentifierExtension.CreateFromSubjectKeyIdentifier(identifier));
        }

        if (asked.AlternativeNames is { } names)
        {
            request.CertificateExtensions.Add(names);
        }

        using var key = authority.GetECDsaPrivateKey() ?? throw new InvalidOperationException("the cluster's authority has no ECDSA key");
        var serial = RandomNumberGenerator.GetBytes(16);
        serial[0] &= 0x7f;
        using var issued = request.Create(authority.SubjectName, X509SignatureGenerator.CreateForECDsa(key), now - Backdate, end, serial);
        return issued.ExportCertificatePem() + "\n";
    }
}
