using System.Buffers.Text;
using System.Globalization;
using System.Net;
using System.Net.Security;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using System.Text.Json.Nodes;
using k8s.Models;
using Kaji.ApiServer.Certificates;
using Kaji.Client;
using YamlDotNet.RepresentationModel;

namespace Kaji.Agents;

/// <summary>
/// How a machine becomes a node: it reads <c>cluster-info</c> without trust, believes it when it is signed with the token that it was given, and asks with that token for a
/// certificate of its own. https://kubernetes.io/docs/reference/access-authn-authz/bootstrap-tokens/
/// </summary>
internal static class NodeJoin
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    /// <summary>A token that was just made is signed with a moment later.</summary>
    private static readonly TimeSpan TokenPatience = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan Again = TimeSpan.FromMilliseconds(100);

    /// <summary>The cluster's certificate authority, proven by the token's signature.</summary>
    /// <param name="hash"><c>sha256:HEX</c> of the authority's public key, if the user gave one.</param>
    /// <exception cref="UserError">The server can't be reached, does not know the token, or is another than the token's.</exception>
    public static async Task<string> DiscoverAsync(Uri server, string token, string? hash, TimeProvider time, CancellationToken cancel)
    {
        var (id, secret) = Split(token);
        using var http = new HttpClient(new SocketsHttpHandler
        {
            ConnectTimeout = TimeSpan.FromSeconds(5),

            // Nothing is believed yet: what is read is checked by its signature.
            SslOptions = new SslClientAuthenticationOptions { RemoteCertificateValidationCallback = (_, _, _, _) => true },
        });
        var began = time.GetTimestamp();
        while (true)
        {
            string why;
            var patience = Patience;
            try
            {
                var map = JsonNode.Parse(await http.GetStringAsync(new Uri(server, "/api/v1/namespaces/kube-public/configmaps/cluster-info"), cancel))!["data"]!;
                var kubeconfig = (string?)map["kubeconfig"] ?? throw new UserError($"{server} publishes no cluster-info: it is no server that nodes can join.");
                if ((string?)map["jws-kubeconfig-" + id] is { } signature)
                {
                    return IsSigned(kubeconfig, signature, id, secret) ? Checked(AuthorityOf(kubeconfig), hash)
                        : throw new UserError($"{server} is not the cluster that the token is for: its cluster-info is signed with another secret. Check --server and --token.");
                }

                patience = TokenPatience;
                why = $"{server} does not know the token {id} (or it has expired); make one there with: kaji token create";
            }
            catch (HttpRequestException e)
            {
                why = $"{server} can't be reached: {e.Message}";
            }

            if (time.GetElapsedTime(began) > patience)
            {
                throw new UserError(why);
            }

            await Task.Delay(Again, time, cancel);
        }
    }

    /// <summary>Asks for a certificate and waits until it is there.</summary>
    /// <returns>Certificate and key as PEM.</returns>
    /// <exception cref="UserError">It was denied, or nobody approved it in time.</exception>
    public static async Task<string> RequestAsync(IApiClient client, string node, string signer, IReadOnlyList<IPAddress> addresses, TimeProvider time, CancellationToken cancel)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var name = new X500DistinguishedNameBuilder();
        name.AddOrganizationName("system:nodes");
        name.AddCommonName("system:node:" + node);
        var request = new CertificateRequest(name.Build(), key, HashAlgorithmName.SHA256);
        var serving = addresses.Count > 0;
        if (serving)
        {
            var names = new SubjectAlternativeNameBuilder();
            names.AddDnsName(node);
            foreach (var address in addresses)
            {
                names.AddIpAddress(address);
            }

            request.CertificateExtensions.Add(names.Build());
        }

        var made = await client.CreateAsync(Client.Kinds.CertificateSigningRequest, new V1CertificateSigningRequest
        {
            ApiVersion = "certificates.k8s.io/v1", Kind = "CertificateSigningRequest", Metadata = new V1ObjectMeta { GenerateName = "node-csr-" },
            Spec = new V1CertificateSigningRequestSpec { Request = Encoding.ASCII.GetBytes(request.CreateSigningRequestPem() + "\n"), SignerName = signer, Usages = ["digital signature", serving ? "server auth" : "client auth"] },
        }, cancel);
        var began = time.GetTimestamp();
        while (true)
        {
            var now = await client.GetAsync(Client.Kinds.CertificateSigningRequest, null, made.Metadata.Name, cancel);
            if (now.Status?.Certificate is { Length: > 0 } certificate)
            {
                return Encoding.ASCII.GetString(certificate).TrimEnd() + "\n" + key.ExportPkcs8PrivateKeyPem() + "\n";
            }

            if (now.Status?.Conditions?.FirstOrDefault(c => c.Type is "Denied" or "Failed") is { } refused)
            {
                throw new UserError($"the certificate of node {node} was refused ({refused.Type}): {refused.Message}");
            }

            if (time.GetElapsedTime(began) > Patience)
            {
                throw new UserError($"nobody approved the certificate of node {node} within {Patience.TotalSeconds.ToString(CultureInfo.InvariantCulture)} s. On the server: kubectl certificate approve {made.Metadata.Name}");
            }

            await Task.Delay(Again, time, cancel);
        }
    }

    /// <summary>Reads a file that <see cref="RequestAsync"/> filled; null when there is none.</summary>
    public static X509Certificate2? Load(string file)
    {
        if (!File.Exists(file))
        {
            return null;
        }

        var text = File.ReadAllText(file);
        using var pem = X509Certificate2.CreateFromPem(text, text);
        return X509CertificateLoader.LoadPkcs12(pem.Export(X509ContentType.Pkcs12), null);
    }

    public static X509Certificate2 Save(string file, string text)
    {
        PrivateFile.Write(file, Encoding.ASCII.GetBytes(text));
        return Load(file)!;
    }

    private static (string Id, string Secret) Split(string token) =>
        token.Split('.') is [{ Length: 6 } id, { Length: 16 } secret] ? (id, secret) : throw new UserError("--token: expected ID.SECRET, as `kaji token create` prints it.", ExitCodes.Usage);

    /// <summary>A JSON Web Signature with its payload left out (RFC 7515, appendix F).</summary>
    private static bool IsSigned(string content, string signature, string id, string secret)
    {
        var parts = signature.Split("..");
        if (parts.Length != 2)
        {
            return false;
        }

        var head = JsonNode.Parse(Base64Url.DecodeFromChars(parts[0]));
        var mac = HMACSHA256.HashData(Encoding.UTF8.GetBytes(secret), Encoding.ASCII.GetBytes($"{parts[0]}.{Base64Url.EncodeToString(Encoding.UTF8.GetBytes(content))}"));
        return (string?)head?["alg"] == "HS256" && (string?)head["kid"] == id && CryptographicOperations.FixedTimeEquals(mac, Base64Url.DecodeFromChars(parts[1]));
    }

    private static string AuthorityOf(string kubeconfig)
    {
        var yaml = new YamlStream();
        yaml.Load(new StringReader(kubeconfig));
        var cluster = (YamlMappingNode)((YamlSequenceNode)yaml.Documents[0].RootNode["clusters"])[0]["cluster"];
        return Encoding.ASCII.GetString(Convert.FromBase64String(((YamlScalarNode)cluster["certificate-authority-data"]).Value!));
    }

    private static string Checked(string authority, string? hash)
    {
        if (hash is not null)
        {
            using var certificate = X509Certificate2.CreateFromPem(authority);
            var own = "sha256:" + Convert.ToHexStringLower(SHA256.HashData(certificate.PublicKey.ExportSubjectPublicKeyInfo()));
            if (!own.Equals(hash, StringComparison.OrdinalIgnoreCase))
            {
                throw new UserError($"--ca-hash: the cluster's authority has {own}, not {hash}.");
            }
        }

        return authority;
    }
}
