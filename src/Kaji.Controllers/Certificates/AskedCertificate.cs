using System.Formats.Asn1;
using System.Net;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;

namespace Kaji.Controllers.Certificates;

/// <summary>What a PKCS#10 request asks for: subject, alternative names, public key. Everything else in it (usages, constraints) is the signer's to say.</summary>
internal sealed record AskedCertificate(CertificateRequest Request, string CommonName, IReadOnlyList<string> Organizations, X509Extension? AlternativeNames)
{
    private const string AlternativeNamesOid = "2.5.29.17";

    public IReadOnlyList<string> DnsNames { get; private init; } = [];

    public IReadOnlyList<IPAddress> Addresses { get; private init; } = [];

    public bool HasEmails { get; private init; }

    public bool HasUris { get; private init; }

    /// <param name="pem">The PEM block of <c>spec.request</c>, with good signature.</param>
    /// <exception cref="CryptographicException">Not a request.</exception>
    public static AskedCertificate Parse(ReadOnlySpan<byte> pem)
    {
        var request = CertificateRequest.LoadSigningRequestPem(Encoding.ASCII.GetString(pem), HashAlgorithmName.SHA256, CertificateRequestLoadOptions.UnsafeLoadCertificateExtensions);
        var (common, organizations) = ("", new List<string>());
        foreach (var name in request.SubjectName.EnumerateRelativeDistinguishedNames())
        {
            if (name.HasMultipleElements)
            {
                continue;
            }

            switch (name.GetSingleElementType().Value)
            {
                case "2.5.4.3":
                    common = name.GetSingleElementValue() ?? "";
                    break;
                case "2.5.4.10":
                    organizations.Add(name.GetSingleElementValue() ?? "");
                    break;
            }
        }

        var names = request.CertificateExtensions.FirstOrDefault(e => e.Oid?.Value == AlternativeNamesOid);
        if (names is null)
        {
            return new AskedCertificate(request, common, organizations, null);
        }

        var parsed = new X509SubjectAlternativeNameExtension(names.RawData);
        var (emails, uris) = Others(names.RawData);
        return new AskedCertificate(request, common, organizations, names)
        {
            DnsNames = [.. parsed.EnumerateDnsNames()], Addresses = [.. parsed.EnumerateIPAddresses()], HasEmails = emails, HasUris = uris,
        };
    }

    /// <summary>GeneralNames (RFC 5280, 4.2.1.6): [1] is an email address, [6] a URI.</summary>
    private static (bool Emails, bool Uris) Others(ReadOnlyMemory<byte> names)
    {
        var (emails, uris) = (false, false);
        var sequence = new AsnReader(names, AsnEncodingRules.DER).ReadSequence();
        while (sequence.HasData)
        {
            var tag = sequence.PeekTag();
            emails |= tag.TagValue == 1;
            uris |= tag.TagValue == 6;
            sequence.ReadEncodedValue();
        }

        return (emails, uris);
    }
}
