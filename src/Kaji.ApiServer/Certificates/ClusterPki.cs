using System.Net;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace Kaji.ApiServer.Certificates;

/// <summary>What the serving certificate is for.</summary>
public sealed record PkiOptions
{
    /// <summary>Addresses clients use: listen addresses, the Service IP, the node's.</summary>
    public required IReadOnlyList<IPAddress> Addresses { get; init; }

    public IReadOnlyList<string> DnsNames { get; init; } = ["localhost", "kubernetes", "kubernetes.default", "kubernetes.default.svc", "kubernetes.default.svc.cluster.local"];

    /// <summary>Lifetime of certificates that the authority signs; renewed when a third is left.</summary>
    public TimeSpan Lifetime { get; init; } = TimeSpan.FromDays(365);
}

/// <summary>
/// The cluster's own certificate authority and what it signs, kept in one directory (keys with mode 0600, written atomically). ECDSA P-256 throughout.
/// </summary>
public sealed class ClusterPki : IDisposable
{
    private const string ClientAuth = "1.3.6.1.5.5.7.3.2";
    private const string ServerAuth = "1.3.6.1.5.5.7.3.1";
    private readonly string _directory;
    private readonly PkiOptions _options;
    private readonly TimeProvider _time;
    private readonly Lock _gate = new();
    private X509Certificate2 _serving;

    private ClusterPki(string directory, PkiOptions options, TimeProvider time)
    {
        (_directory, _options, _time) = (directory, options, time);
        Directory.CreateDirectory(directory, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        Authority = LoadOrCreateAuthority("ca", "kaji-ca");
        FrontProxyAuthority = LoadOrCreateAuthority("front-proxy-ca", "kaji-front-proxy-ca");
        _serving = LoadOrIssue("apiserver", ServingRequest, IsGoodForServing);
        ServiceAccountKey = LoadOrCreateKey("sa.key");
        Admin = Client("admin", "kubernetes-admin", "system:masters");
        FrontProxyClient = LoadOrIssue("front-proxy-client", key => Request(FrontProxyName, null, key, [ClientAuth]), _ => true, FrontProxyAuthority);
        KubeletClient = Client("apiserver-kubelet-client", "kube-apiserver-kubelet-client", "system:masters");
    }

    /// <summary>The authority, with its key.</summary>
    public X509Certificate2 Authority { get; }

    /// <summary>Common name of the front proxy's certificate.</summary>
    public const string FrontProxyName = "front-proxy-client";

    /// <summary>Signs the front proxy's certificate only: who shows one may say on whose behalf it asks.</summary>
    public X509Certificate2 FrontProxyAuthority { get; }

    /// <summary>With which the API server calls aggregated servers.</summary>
    public X509Certificate2 FrontProxyClient { get; }

    /// <summary>The authority's certificate as PEM: what clients trust.</summary>
    public string AuthorityPem => Authority.ExportCertificatePem() + "\n";

    /// <summary>Client certificate of the cluster's admin (group system:masters).</summary>
    public X509Certificate2 Admin { get; }

    /// <summary>With which the API server calls node agents.</summary>
    public X509Certificate2 KubeletClient { get; }

    /// <summary>Signs service account tokens.</summary>
    public ECDsa ServiceAccountKey { get; }

    /// <exception cref="IOException">A file can't be read or written, or is damaged; the message names it.</exception>
    public static ClusterPki LoadOrCreate(string directory, PkiOptions options, TimeProvider time) => new(directory, options, time);

    /// <summary>The API server's certificate, renewed when it is near its end.</summary>
    public X509Certificate2 Serving()
    {
        lock (_gate)
        {
            if (NearEnd(_serving))
            {
                _serving = LoadOrIssue("apiserver", ServingRequest, IsGoodForServing);
            }

            return _serving;
        }
    }

    /// <summary>A node agent's certificate, for its server and as a client (user system:node:NAME, group system:nodes).</summary>
    public X509Certificate2 Node(string name, IReadOnlyList<IPAddress> addresses) => LoadOrIssue(
        $"node-{name}",
        key =>
        {
            var request = Request($"system:node:{name}", "system:nodes", key, [ClientAuth, ServerAuth]);
            var names = new SubjectAlternativeNameBuilder();
            names.AddDnsName(name);
            foreach (var address in addresses)
            {
                names.AddIpAddress(address);
            }

            request.CertificateExtensions.Add(names.Build());
            return request;
        },
        certificate => addresses.All(a => Addresses(certificate).Contains(a)));

    public void Dispose()
    {
        Authority.Dispose();
        FrontProxyAuthority.Dispose();
        FrontProxyClient.Dispose();
        _serving.Dispose();
        Admin.Dispose();
        KubeletClient.Dispose();
        ServiceAccountKey.Dispose();
    }

    private X509Certificate2 Client(string file, string user, string group) => LoadOrIssue(file, key => Request(user, group, key, [ClientAuth]), _ => true);

    private CertificateRequest ServingRequest(ECDsa key)
    {
        var request = Request("kube-apiserver", null, key, [ServerAuth]);
        var names = new SubjectAlternativeNameBuilder();
        foreach (var name in _options.DnsNames)
        {
            names.AddDnsName(name);
        }

        foreach (var address in _options.Addresses.Distinct())
        {
            names.AddIpAddress(address);
        }

        request.CertificateExtensions.Add(names.Build());
        return request;
    }

    private bool IsGoodForServing(X509Certificate2 certificate) => _options.Addresses.All(a => Addresses(certificate).Contains(a));

    private static HashSet<IPAddress> Addresses(X509Certificate2 certificate) =>
        [.. certificate.Extensions.OfType<X509SubjectAlternativeNameExtension>().SelectMany(e => e.EnumerateIPAddresses())];

    private static CertificateRequest Request(string commonName, string? organization, ECDsa key, string[] usages)
    {
        var name = new X500DistinguishedNameBuilder();
        if (organization is not null)
        {
            name.AddOrganizationName(organization);
        }

        name.AddCommonName(commonName);
        var request = new CertificateRequest(name.Build(), key, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(false, false, 0, true));
        request.CertificateExtensions.Add(new X509KeyUsageExtension(X509KeyUsageFlags.DigitalSignature, true));
        var oids = new OidCollection();
        foreach (var usage in usages)
        {
            oids.Add(new Oid(usage));
        }

        request.CertificateExtensions.Add(new X509EnhancedKeyUsageExtension(oids, false));
        return request;
    }

    private X509Certificate2 LoadOrCreateAuthority(string file, string name)
    {
        if (File.Exists(PathOf(file + ".crt")))
        {
            return Load(file);
        }

        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest($"CN={name}", key, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(true, false, 0, true));
        request.CertificateExtensions.Add(new X509KeyUsageExtension(X509KeyUsageFlags.KeyCertSign | X509KeyUsageFlags.CrlSign | X509KeyUsageFlags.DigitalSignature, true));
        request.CertificateExtensions.Add(new X509SubjectKeyIdentifierExtension(request.PublicKey, false));
        var now = _time.GetUtcNow();
        using var made = request.CreateSelfSigned(now.AddMinutes(-5), now.AddYears(10));
        Write(file + ".key", key.ExportPkcs8PrivateKeyPem());
        Write(file + ".crt", made.ExportCertificatePem());
        return Load(file);
    }

    private X509Certificate2 LoadOrIssue(string name, Func<ECDsa, CertificateRequest> make, Func<X509Certificate2, bool> isGood, X509Certificate2? authority = null)
    {
        authority ??= Authority;
        if (File.Exists(PathOf(name + ".crt")) && File.Exists(PathOf(name + ".key")))
        {
            var present = Load(name);
            if (!NearEnd(present) && isGood(present) && present.Issuer == authority.Subject)
            {
                return present;
            }

            present.Dispose();
        }

        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = make(key);
        var now = _time.GetUtcNow();
        using var issued = request.Create(authority, now.AddMinutes(-5), now + _options.Lifetime, RandomNumberGenerator.GetBytes(16));
        Write(name + ".key", key.ExportPkcs8PrivateKeyPem());
        Write(name + ".crt", issued.ExportCertificatePem());
        return Load(name);
    }

    private bool NearEnd(X509Certificate2 certificate) =>
        certificate.NotAfter.ToUniversalTime() - _time.GetUtcNow().UtcDateTime < _options.Lifetime / 3;

    private X509Certificate2 Load(string name)
    {
        try
        {
            using var pem = X509Certificate2.CreateFromPemFile(PathOf(name + ".crt"), PathOf(name + ".key"));

            // A key that is only in memory can't be used for TLS by every platform's stack; a PKCS#12 round trip binds it.
            return X509CertificateLoader.LoadPkcs12(pem.Export(X509ContentType.Pkcs12), null);
        }
        catch (Exception e) when (e is CryptographicException or UnauthorizedAccessException)
        {
            throw new IOException($"{PathOf(name)}.crt and .key can't be used: {e.Message} Restore them from a backup.", e);
        }
    }

    private ECDsa LoadOrCreateKey(string name)
    {
        var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        if (!File.Exists(PathOf(name)))
        {
            Write(name, key.ExportPkcs8PrivateKeyPem());
            return key;
        }

        try
        {
            key.ImportFromPem(File.ReadAllText(PathOf(name)));
            return key;
        }
        catch (Exception e) when (e is CryptographicException or ArgumentException or UnauthorizedAccessException)
        {
            throw new IOException($"{PathOf(name)} can't be used: {e.Message} Restore it from a backup.", e);
        }
    }

    private void Write(string name, string pem) => PrivateFile.Write(PathOf(name), System.Text.Encoding.ASCII.GetBytes(pem + "\n"));

    private string PathOf(string name) => Path.Combine(_directory, name);
}
