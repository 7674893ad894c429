using System.Collections.Concurrent;
using System.Security.Cryptography.X509Certificates;
using Microsoft.AspNetCore.Http;

namespace Kaji.ApiServer.Authentication;

/// <summary>
/// Who sends a request: the client certificate's subject (CN is the user, O are the groups), or the bearer token's service account. Credentials that are not good are
/// refused, not ignored.
/// </summary>
public sealed class Authenticator(X509Certificate2 authority, ServiceAccountTokens tokens, TimeProvider time) : IAuthenticator
{
    private const string ClientAuth = "1.3.6.1.5.5.7.3.2";
    private const int CacheSize = 1024;
    private readonly ConcurrentDictionary<string, (UserInfo User, DateTimeOffset Until)> _certificates = new(StringComparer.Ordinal);

    public ValueTask<UserInfo?> AuthenticateAsync(HttpContext context)
    {
        var header = context.Request.Headers.Authorization.ToString();
        if (header.Length > 0)
        {
            return ValueTask.FromResult(header.StartsWith("Bearer ", StringComparison.OrdinalIgnoreCase) ? tokens.Verify(header["Bearer ".Length..].Trim(), []) : null);
        }

        return ValueTask.FromResult(context.Connection.ClientCertificate is { } certificate ? OfCertificate(certificate) : UserInfo.Anonymous);
    }

    private UserInfo? OfCertificate(X509Certificate2 certificate)
    {
        var now = time.GetUtcNow();
        if (_certificates.TryGetValue(certificate.Thumbprint, out var known) && now < known.Until)
        {
            return known.User;
        }

        using var chain = new X509Chain();
        chain.ChainPolicy.TrustMode = X509ChainTrustMode.CustomRootTrust;
        chain.ChainPolicy.CustomTrustStore.Add(authority);
        chain.ChainPolicy.RevocationMode = X509RevocationMode.NoCheck;

        // What a stranger's certificate says where its issuer can be fetched is not followed.
        chain.ChainPolicy.DisableCertificateDownloads = true;
        chain.ChainPolicy.VerificationTime = now.UtcDateTime;
        chain.ChainPolicy.ApplicationPolicy.Add(new System.Security.Cryptography.Oid(ClientAuth));
        if (!chain.Build(certificate))
        {
            return null;
        }

        string? user = null;
        var groups = new List<string>();
        foreach (var part in certificate.SubjectName.EnumerateRelativeDistinguishedNames())
        {
            switch (part.GetSingleElementType().Value)
            {
                case "2.5.4.3":
                    user = part.GetSingleElementValue();
                    break;
                case "2.5.4.10":
                    groups.Add(part.GetSingleElementValue() ?? "");
                    break;
            }
        }

        if (string.IsNullOrEmpty(user))
        {
            return null;
        }

        groups.Add("system:authenticated");
        var info = new UserInfo(user, groups);
        if (_certificates.Count >= CacheSize)
        {
            _certificates.Clear();
        }

        _certificates[certificate.Thumbprint] = (info, new DateTimeOffset(certificate.NotAfter.ToUniversalTime(), TimeSpan.Zero));
        return info;
    }
}
