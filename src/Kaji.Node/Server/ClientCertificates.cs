using System.Security.Cryptography.X509Certificates;

namespace Kaji.Node.Server;

/// <summary>The node's server runs commands in any container, so it talks to the API server only, which has authorized the user.</summary>
internal static class ClientCertificates
{
    private const string CommonName = "2.5.4.3", Organization = "2.5.4.10";

    /// <summary>Whether a client's certificate is signed by one of the authorities, in time, and for client authentication.</summary>
    public static bool IsTrusted(X509Certificate2 certificate, X509Certificate2Collection authorities)
    {
        using var chain = new X509Chain();
        chain.ChainPolicy.TrustMode = X509ChainTrustMode.CustomRootTrust;
        chain.ChainPolicy.CustomTrustStore.AddRange(authorities);
        chain.ChainPolicy.RevocationMode = X509RevocationMode.NoCheck;
        chain.ChainPolicy.DisableCertificateDownloads = true;
        chain.ChainPolicy.ApplicationPolicy.Add(new System.Security.Cryptography.Oid("1.3.6.1.5.5.7.3.2"));
        return chain.Build(certificate);
    }

    /// <summary>The API server's client certificate, or an administrator's.</summary>
    public static bool IsApiServer(X509Certificate2 certificate) =>
        certificate.SubjectName.EnumerateRelativeDistinguishedNames().Any(name => !name.HasMultipleElements && (name.GetSingleElementType().Value, name.GetSingleElementValue()) is
            (CommonName, "kube-apiserver-kubelet-client") or (Organization, "system:masters"));
}
