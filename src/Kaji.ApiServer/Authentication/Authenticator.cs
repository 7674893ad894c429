using System.Collections.Concurrent;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Microsoft.AspNetCore.Http;

namespace Kaji.ApiServer.Authentication;

/// <summary>
/// Who sends a request: the client certificate's subject (CN is the user, O are the groups), or whoever the bearer token belongs to. Credentials that are not good are
/// refused, not ignored.
/// </summary>
/// <param name="proxy">The front proxy that is believed; null for none.</param>
public sealed class Authenticator(X509Certificate2 authority, ITokenAuthenticator tokens, TimeProvider time, FrontProxy? proxy = null) : IAuthenticator
{
    private const string ClientAuth = "1.3.6.1.5.5.7.3.2";
    private const int CacheSize = 1024;
    private readonly ConcurrentDictionary<string, (UserInfo User, DateTimeOffset Until)> _certificates = new(StringComparer.Ordinal);

    public ValueTask<UserInfo?> AuthenticateAsync(HttpContext context)
    {
        var header = context.Request.Headers.Authorization.ToString();
        if (header.Length > 0)
        {
            return header.StartsWith("Bearer ", StringComparison.OrdinalIgnoreCase) ? OfTokenAsync(header["Bearer ".Length..].Trim(), context.RequestAborted) : ValueTask.FromResult<UserInfo?>(null);
        }

        return ValueTask.FromResult(context.Connection.ClientCertificate is { } certificate ? proxy?.Asks(context, certificate, time.GetUtcNow()) ?? OfCertificate(certificate) : UserInfo.Anonymous);
    }

    private async ValueTask<UserInfo?> OfTokenAsync(string token, CancellationToken cancellationToken) => (await tokens.AuthenticateAsync(token, [], cancellationToken))?.User;

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
        chain.ChainPolicy.ApplicationPolicy.Add(new Oid(ClientAuth));
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
        var info = new UserInfo(user, groups)
        {
            Extra = new Dictionary<string, IReadOnlyList<string>>(StringComparer.Ordinal) { ["authentication.kubernetes.io/credential-id"] = [$"X509SHA256={Convert.ToHexStringLower(SHA256.HashData(certificate.RawDataMemory.Span))}"] },
        };
        if (_certificates.Count >= CacheSize)
        {
            _certificates.Clear();
        }

        _certificates[certificate.Thumbprint] = (info, new DateTimeOffset(certificate.NotAfter.ToUniversalTime(), TimeSpan.Zero));
        return info;
    }
}
