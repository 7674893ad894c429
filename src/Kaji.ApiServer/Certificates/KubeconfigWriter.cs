using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;

namespace Kaji.ApiServer.Certificates;

/// <summary>A kubeconfig for a client certificate.</summary>
public static class KubeconfigWriter
{
    /// <param name="context">Name of the cluster, the user and the context.</param>
    /// <param name="server">As <c>https://127.0.0.1:6443</c>.</param>
    public static string Text(string context, string server, string authorityPem, X509Certificate2 client)
    {
        using var key = client.GetECDsaPrivateKey() ?? throw new CryptographicException("the client certificate has no ECDSA key");
        return $"""
            apiVersion: v1
            kind: Config
            clusters:
            - name: {context}
              cluster:
                server: {server}
                certificate-authority-data: {Base64(authorityPem)}
            users:
            - name: {context}
              user:
                client-certificate-data: {Base64(client.ExportCertificatePem() + "\n")}
                client-key-data: {Base64(key.ExportPkcs8PrivateKeyPem() + "\n")}
            contexts:
            - name: {context}
              context:
                cluster: {context}
                user: {context}
            current-context: {context}

            """;
    }

    private static string Base64(string pem) => Convert.ToBase64String(Encoding.ASCII.GetBytes(pem));
}
