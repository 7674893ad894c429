using System.Buffers.Text;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json.Nodes;
using k8s.Models;
using Kaji.Client;
using Microsoft.Extensions.Logging;

namespace Kaji.Controllers.Bootstrap;

/// <summary>
/// Signs the ConfigMap <c>cluster-info</c> with each bootstrap token, so that who has a token knows that he talks to the right cluster.
/// https://kubernetes.io/docs/reference/access-authn-authz/bootstrap-tokens/#configmap-signing
/// </summary>
public sealed class BootstrapSignerController : Controller
{
    private const string MapNamespace = "kube-public";
    private const string MapName = "cluster-info";
    private const string SignaturePrefix = "jws-kubeconfig-";
    private readonly IApiClient _client;
    private readonly IInformer<V1Secret> _secrets;
    private readonly IInformer<V1ConfigMap> _maps;

    public BootstrapSignerController(IApiClient client, InformerFactory informers, TimeProvider time, ILoggerFactory logging)
        : base("bootstrap-signer-controller", time, logging.CreateLogger<BootstrapSignerController>())
    {
        _client = client;
        _secrets = informers.For(Kinds.Secret, fieldSelector: $"type={BootstrapToken.SecretType}");
        _maps = informers.For(Kinds.ConfigMap, fieldSelector: $"metadata.name={MapName}");
        _secrets.Subscribe(_ => Enqueue(MapNamespace, MapName));
        _maps.Subscribe(_ => Enqueue(MapNamespace, MapName));
    }

    protected override async Task ReconcileAsync(string ns, string objectName, CancellationToken cancellationToken)
    {
        if (_maps.Get(MapNamespace, MapName) is not { } map || map.Data?.TryGetValue("kubeconfig", out var content) != true)
        {
            return;
        }

        var tokens = _secrets.List().Where(s => s.Metadata.NamespaceProperty == BootstrapToken.Namespace).Select(BootstrapToken.Of).OfType<BootstrapToken>();
        var wanted = Signatures(content!, tokens, Time.GetUtcNow());
        var changes = new JsonObject();
        foreach (var (key, _) in map.Data.Where(d => d.Key.StartsWith(SignaturePrefix, StringComparison.Ordinal) && !wanted.ContainsKey(d.Key)))
        {
            changes[key] = null;
        }

        foreach (var (key, signature) in wanted.Where(w => !map.Data.TryGetValue(w.Key, out var present) || present != w.Value))
        {
            changes[key] = signature;
        }

        if (changes.Count > 0)
        {
            await _client.PatchAsync(Kinds.ConfigMap, MapNamespace, MapName, Patch.Merge(Encoding.UTF8.GetBytes(new JsonObject { ["data"] = changes }.ToJsonString())), null, cancellationToken);
        }
    }

    /// <summary>Key of the ConfigMap → signature, of each token that signs and has not expired. Pure.</summary>
    internal static Dictionary<string, string> Signatures(string content, IEnumerable<BootstrapToken> tokens, DateTimeOffset now) => tokens
        .Where(t => t.Signs && (t.Expiration is not { } end || end > now))
        .ToDictionary(t => SignaturePrefix + t.Id, t => Sign(content, t), StringComparer.Ordinal);

    /// <summary>A JSON Web Signature with its payload left out (RFC 7515, appendix F), by HMAC with the token's secret.</summary>
    internal static string Sign(string content, BootstrapToken token)
    {
        var head = Base64Url.EncodeToString(Encoding.UTF8.GetBytes($$"""{"alg":"HS256","kid":"{{token.Id}}"}"""));
        var payload = Base64Url.EncodeToString(Encoding.UTF8.GetBytes(content));
        return $"{head}..{Base64Url.EncodeToString(HMACSHA256.HashData(Encoding.UTF8.GetBytes(token.Secret), Encoding.ASCII.GetBytes($"{head}.{payload}")))}";
    }
}
