using System.Text;
using System.Text.Json.Nodes;
using k8s.Models;
using Kaji.Client;
using Kaji.Controllers.Discovery;
using Microsoft.Extensions.Logging;

namespace Kaji.Controllers.Certificates;

/// <summary>
/// Approves what node agents ask for their client certificate, when whoever asks has the right: <c>nodeclient</c> for a first one, <c>selfnodeclient</c> for a node's own renewal. Unlike there, also the serving certificate of a node for its own name and addresses.
/// https://kubernetes.io/docs/reference/access-authn-authz/kubelet-tls-bootstrapping/#approval
/// </summary>
public sealed class CertificateApprovingController : Controller
{
    private readonly IApiClient _client;
    private readonly IInformer<V1CertificateSigningRequest> _requests;
    private readonly IInformer<V1Node> _nodes;

    public CertificateApprovingController(IApiClient client, InformerFactory informers, TimeProvider time, ILoggerFactory logging)
        : base("certificatesigningrequest-approving-controller", time, logging.CreateLogger<CertificateApprovingController>())
    {
        _client = client;
        _requests = informers.For(Kinds.CertificateSigningRequest);
        _nodes = informers.For(Kinds.Node);
        _requests.Subscribe(change =>
        {
            if (change.New is { } now && IsDue(now))
            {
                Enqueue("", now.Metadata.Name);
            }
        });
    }

    protected override async Task ReconcileAsync(string ns, string objectName, CancellationToken cancellationToken)
    {
        if (_requests.Get(null, objectName) is not { } seen || !IsDue(seen) || await _client.FindAsync(Kinds.CertificateSigningRequest, null, objectName, cancellationToken) is not { } request || !IsDue(request))
        {
            return;
        }

        var asked = AskedCertificate.Parse(request.Spec.Request);
        if (request.Spec.SignerName == SignerRules.KubeletServing)
        {
            if (SignerRules.Refusal(SignerRules.KubeletServing, asked, request.Spec.Usages?.ToArray() ?? []) is null && IsOwn(request.Spec, asked))
            {
                request.Add("Approved", "AutoApproved", "Auto approving the serving certificate of a node for its own name and addresses.");
                await _client.UpdateAsync(Kinds.CertificateSigningRequest, request, "approval", cancellationToken);
            }

            return;
        }

        if (SignerRules.Refusal(SignerRules.KubeletClient, asked, request.Spec.Usages?.ToArray() ?? []) is not null)
        {
            // Somebody may still approve it by hand; then the signer says why not.
            return;
        }

        var renewal = request.Spec.Username == asked.CommonName;
        foreach (var (subresource, message) in Ways(renewal))
        {
            if (await MayAsync(request.Spec, subresource, cancellationToken))
            {
                request.Add("Approved", "AutoApproved", message);
                await _client.UpdateAsync(Kinds.CertificateSigningRequest, request, "approval", cancellationToken);
                return;
            }
        }
    }

    /// <summary>Whether a node asks for a certificate that names nothing but itself, as its Node object says.</summary>
    private bool IsOwn(V1CertificateSigningRequestSpec spec, AskedCertificate asked)
    {
        if (spec.Username != asked.CommonName || spec.Groups?.Contains("system:nodes") != true || _nodes.Get(null, asked.CommonName["system:node:".Length..]) is not { } node)
        {
            return false;
        }

        var own = (node.Status?.Addresses ?? []).Select(a => a.Address).Append(node.Metadata.Name).ToHashSet(StringComparer.OrdinalIgnoreCase);
        return asked.DnsNames.All(own.Contains) && asked.Addresses.All(a => own.Contains(a.ToString()));
    }

    private static IEnumerable<(string Subresource, string Message)> Ways(bool renewal)
    {
        if (renewal)
        {
            yield return ("selfnodeclient", "Auto approving self kubelet client certificate after SubjectAccessReview.");
        }

        yield return ("nodeclient", "Auto approving kubelet client certificate after SubjectAccessReview.");
    }

    private async Task<bool> MayAsync(V1CertificateSigningRequestSpec spec, string subresource, CancellationToken cancellationToken)
    {
        static JsonArray Texts(IEnumerable<string>? values) => [.. (values ?? []).Select(v => (JsonNode)v)];
        var review = new JsonObject
        {
            ["apiVersion"] = "authorization.k8s.io/v1", ["kind"] = "SubjectAccessReview",
            ["spec"] = new JsonObject
            {
                ["user"] = spec.Username, ["uid"] = spec.Uid, ["groups"] = Texts(spec.Groups),
                ["extra"] = new JsonObject((spec.Extra ?? new Dictionary<string, IList<string>>()).Select(e => KeyValuePair.Create(e.Key, (JsonNode?)Texts(e.Value)))),
                ["resourceAttributes"] = new JsonObject
                {
                    ["group"] = "certificates.k8s.io", ["resource"] = "certificatesigningrequests", ["subresource"] = subresource, ["verb"] = "create", ["version"] = "*",
                },
            },
        };
        using var request = new HttpRequestMessage(HttpMethod.Post, "/apis/authorization.k8s.io/v1/subjectaccessreviews") { Content = new StringContent(review.ToJsonString(), Encoding.UTF8, "application/json") };
        using var response = await _client.SendAsync(request, cancellationToken);
        await RawCalls.ThrowIfFailedAsync(response, cancellationToken);
        return JsonNode.Parse(await response.Content.ReadAsByteArrayAsync(cancellationToken))?["status"]?["allowed"]?.GetValue<bool>() == true;
    }

    private static bool IsDue(V1CertificateSigningRequest request) =>
        request.Spec.SignerName is SignerRules.KubeletClient or SignerRules.KubeletServing && !request.Is("Approved") && !request.Is("Denied") && !request.IsIssued();
}
