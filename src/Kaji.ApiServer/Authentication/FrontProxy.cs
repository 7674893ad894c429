using System.Security.Cryptography.X509Certificates;
using Microsoft.AspNetCore.Http;

namespace Kaji.ApiServer.Authentication;

/// <summary>
/// Requests that a front proxy passes on: who shows a certificate of its authority is believed on whose behalf it asks. https://kubernetes.io/docs/reference/access-authn-authz/authentication/#authenticating-proxy
/// </summary>
/// <param name="Authority">Signs the front proxy's certificate.</param>
/// <param name="Name">Common name it must have.</param>
public sealed record FrontProxy(X509Certificate2 Authority, string Name)
{
    private const string ExtraPrefix = "X-Remote-Extra-";

    /// <returns>On whose behalf; null when the certificate is not the proxy's, or it names nobody.</returns>
    internal UserInfo? Asks(HttpContext context, X509Certificate2 certificate, DateTimeOffset now)
    {
        if (certificate.Issuer != Authority.Subject || certificate.GetNameInfo(X509NameType.SimpleName, forIssuer: false) != Name || !context.Request.Headers.TryGetValue("X-Remote-User", out var user) || user.ToString().Length == 0)
        {
            return null;
        }

        using var chain = new X509Chain();
        chain.ChainPolicy.TrustMode = X509ChainTrustMode.CustomRootTrust;
        chain.ChainPolicy.CustomTrustStore.Add(Authority);
        chain.ChainPolicy.RevocationMode = X509RevocationMode.NoCheck;
        chain.ChainPolicy.DisableCertificateDownloads = true;
        chain.ChainPolicy.VerificationTime = now.UtcDateTime;
        if (!chain.Build(certificate))
        {
            return null;
        }

        var extra = new Dictionary<string, IReadOnlyList<string>>(StringComparer.Ordinal);
        foreach (var (name, values) in context.Request.Headers.Where(h => h.Key.StartsWith(ExtraPrefix, StringComparison.OrdinalIgnoreCase)))
        {
            extra[Uri.UnescapeDataString(name[ExtraPrefix.Length..]).ToLowerInvariant()] = [.. values.Select(v => v ?? "")];
        }

        return new UserInfo(user.ToString(), [.. context.Request.Headers["X-Remote-Group"].SelectMany(g => (g ?? "").Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries)), "system:authenticated"])
        {
            Uid = context.Request.Headers["X-Remote-Uid"].ToString(), Extra = extra,
        };
    }
}
